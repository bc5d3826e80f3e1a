"""The record of a measure: its key in metrics.json, its function, the type of its entry, and its lines in a report.

It is all data, so that a report can be written and a metrics.json checked without a model and without torch. A new
measure is a file with such a record, and a line in `MEASURES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from distill.evaluation.comparability import Metrics, sampling_key

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext

EACH = "*"
"""Placeholder in a path for every key that no line of the measure names explicitly."""

Interval = list[float]
"""[low, high] of a 95 % interval."""

Format = Literal[
    "decimal", "perplexity", "signed", "percent", "signed percent", "count", "p value", "name", "yes or no", "figure"
]
"""How a value is formatted. decimal: two places; perplexity: no places from 1,000 on; figure: three digits."""


class Section(StrEnum):
    """The sections of a report's table, in order. `{words}` is the entry's key as words."""

    REAL_TEXT = "Real text"
    WRITING = "What it writes"
    OTHER_POLARITIES = "What it writes, by {words} polarity"
    QUALITY = "How it writes"
    NO_SAMPLING = "Without sampling"
    EMBEDDINGS = "Embeddings, as a check"


@dataclass(frozen=True)
class Fair:
    """Keys next to a value for what a perfectly fair model would score on as many texts.

    Attributes:
        expected: Key of the expected score.
        bound: Key of the bound that a fair model keeps to in 97.5 % of all cases.
        side: Whether a fair model scores "at least" or "at most" the bound.
    """

    expected: str
    bound: str
    side: Literal["at least", "at most"] = "at least"


@dataclass(frozen=True)
class Note:
    """A further value that is shown next to the value of a line.

    Attributes:
        template: Text with `{}` for the value.
        path: Keys below the measure's entry.
        format: How the value is formatted.
    """

    template: str
    path: tuple[str, ...]
    format: Format


def always_comparable(metrics: Metrics, name: str) -> None:
    """Return the same key for all evaluations, so that any two of them are comparable."""


def same_sampling(metrics: Metrics, name: str) -> tuple[Any, ...]:
    """Return the same key for evaluations whose continuations are comparable."""
    return sampling_key(metrics)


@dataclass(frozen=True)
class Line:
    """One line of a report's table, or one line for each key that `EACH` in its path stands for.

    In section and title, `{name}` is the first key of the path, `{words}` the same as words, and `{last}` the last key
    as words.

    Attributes:
        section: Section of the table.
        title: Heading of the line.
        explanation: A sentence or two for readers who do not know the measure.
        path: Keys below the measure's entry that lead to the value.
        format: How the value is formatted.
        interval: Key next to the value for its 95 % interval.
        fair: Keys next to the value for what a fair model would score.
        notes: Further values shown next to the value.
        comparability: Returns, from the metrics and the first key of the path, what must match for two values to be
            comparable.
        derive: Computes the value from the entry under the path, if the value itself is not stored.
        folded: Whether the line is a detail: collapsed on the page, and omitted from the table in a terminal.
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
        key: Key of its entry in metrics.json.
        compute: Computes the entry. Imports modules that need torch inside, so that reading results needs no torch.
        entry: Type of the entry, a TypedDict or a dict of them, which `schema` checks. Every key that is not required
            may be null, and later versions may add keys.
        lines: Its lines in a report, in order.
        method: A sentence on how it is measured, for reports in which it occurs.
    """

    key: str
    compute: Callable[["MeasureContext"], Any]
    entry: Any
    lines: tuple[Line, ...]
    method: str = ""
