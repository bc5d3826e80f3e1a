"""What a measure is: its key in metrics.json, how it is computed, the type of its entry, and its lines in a report.

All of it is data, so that a report can be written and a metrics.json checked without a model and without torch. A new
measure is a file with such a record, and a line in `MEASURES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from distill.evaluation.comparability import Metrics

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext

EACH = "*"
"""In a path: every key found there that no line of the measure names itself."""

Interval = list[float]
"""[low, high] of a 95 % interval."""

Format = Literal[
    "decimal", "perplexity", "signed", "percent", "signed percent", "count", "p value", "name", "yes or no", "figure"
]
"""How a value is written. decimal: to two places; perplexity: whole from 1,000 on; figure: to three digits."""


class Section(StrEnum):
    """The sections of a report's table, in their order. `{words}`: the entry's key as words."""

    REAL_TEXT = "Real text"
    WRITING = "What it writes"
    OTHER_POLARITIES = "What it writes, by {words} polarity"
    QUALITY = "How it writes"
    NO_SAMPLING = "Without sampling"
    EMBEDDINGS = "Embeddings, as a check"


@dataclass(frozen=True)
class Fair:
    """Keys beside a value that hold what a perfectly fair model would score with as many texts.

    Attributes:
        expected: Its expectation.
        bound: What it reaches in 97.5 % of all cases.
        side: Whether that is "at least" or "at most" the bound.
    """

    expected: str
    bound: str
    side: Literal["at least", "at most"] = "at least"


@dataclass(frozen=True)
class Note:
    """Another value that is shown beside a line's.

    Attributes:
        template: Text with `{}` for the value.
        path: Keys below the measure's.
        format: How the value is written.
    """

    template: str
    path: tuple[str, ...]
    format: Format


def always_comparable(metrics: Metrics, name: str) -> None:
    """The comparability of what any two evaluations may be compared by."""


@dataclass(frozen=True)
class Line:
    """One line of a report's table, or one for each key that `EACH` in its path stands for.

    In section and title, `{name}` is the first key of the path, `{words}` the same as words, and `{last}` the last key
    as words.

    Attributes:
        section: Where it stands.
        title: What heads it.
        explanation: A sentence or two for whoever has not met the measure.
        path: Keys below the measure's under which the value stands.
        format: How the value is written.
        interval: Key beside the value that holds its 95 % interval.
        fair: Keys beside the value that hold what a fair model would score.
        notes: What else is shown beside the value.
        comparability: Of metrics and the first key of the path, what must agree for two values to be comparable.
        derive: What makes the value out of the entry under the path, where it is not stored itself.
        folded: Whether the line is a detail: folded up on the page, and left out of the table in a terminal.
    """

    section: Section
    title: str
    explanation: str
    path: tuple[str, ...]
    format: Format = "decimal"
    interval: str = ""
    fair: Fair | None = None
    notes: tuple[Note, ...] = ()
    comparability: Callable[[Metrics, str], Any] = always_comparable
    derive: Callable[[Any], Any] | None = None
    folded: bool = False


@dataclass(frozen=True)
class Measure:
    """One measure.

    Attributes:
        key: Where its entry stands in metrics.json.
        compute: Makes the entry. What needs torch is imported inside, so that reading needs none of it.
        entry: Type of the entry, a TypedDict or a dict of them: what `schema` checks. Null may stand for every key that
            is not required, and a version may add keys.
        lines: Its lines in a report, in their order.
        method: A sentence about how it is measured, for reports in which it occurs.
    """

    key: str
    compute: Callable[["MeasureContext"], Any]
    entry: Any
    lines: tuple[Line, ...]
    method: str = ""
