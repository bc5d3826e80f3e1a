"""The lines of the summary table, as the records of the measures describe them.

Numbers in metrics.json that belong to no known measure are shown as well, under their own keys.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from distill.evaluation import Evaluation
from distill.evaluation.comparability import Metrics, get
from distill.evaluation.measures import MEASURES
from distill.evaluation.measures.record import EACH, Line, Measure, Section
from distill.report.formatting import clean, formatter, key_to_words, parameter_count, plain_number, span
from distill.report.metrics_access import titles

Cell = tuple[str, str]
"""A value, and a note that it must be read with, such as its interval; both may be empty."""

MISSING: Cell = ("–", "")
_OTHER = "Other"
_KNOWN = {"schema", "model", "settings", *(measure.key for measure in MEASURES)}
_SOURCE_NAME = 40
"""Characters of an entry's name in a title, at most: a source of pairs may be a long path."""


@dataclass(frozen=True)
class SummaryLine:
    """One line of the summary.

    Attributes:
        section: The section of the table; empty for the model itself.
        title: Its heading.
        explanation: A sentence or two for readers who do not know the measure; may be empty.
        read: Makes its cell from the metrics of an evaluation; `MISSING` if it was not measured.
        comparability_key: Makes from the metrics what two evaluations must agree in for their values to be comparable.
        folded: Whether it is a detail that not every table shows.
    """

    section: str
    title: str
    explanation: str
    read: Callable[[Metrics], Cell]
    comparability_key: Callable[[Metrics], Any] = lambda metrics: None
    folded: bool = False


def _parameters(metrics: Metrics) -> Cell:
    count = get(metrics, "model", "parameters")
    return MISSING if count is None else (parameter_count(count), "")


_SIZE = SummaryLine("", "Parameters", "Size of the model: the number of its parameters.", _parameters)


def summary_lines(metrics: list[Metrics]) -> list[SummaryLine]:
    """Every line that these evaluations may have a value for, section by section."""
    sections = list(Section)
    lines = [
        (sections.index(line.section), _summary_line(measure, line, path))
        for measure in MEASURES
        for line, path in _lines_of(measure, metrics)
    ]
    lines.sort(key=lambda pair: pair[0])
    return [_SIZE, *(line for _, line in lines), *_unknown_measures(metrics)]


def _lines_of(measure: Measure, metrics: list[Metrics]) -> Iterator[tuple[Line, tuple[str, ...]]]:
    """The lines of a measure with their paths: first those with a fixed key, then the others, key by key."""
    named = [line for line in measure.lines if line.path[0] != EACH]
    others = [line for line in measure.lines if line.path[0] == EACH]
    entries = [each.get(measure.key) or {} for each in metrics]
    for line in named:
        for path in _paths(line, measure, line.path[0], metrics):
            yield line, path
    if not others:
        return
    for name in dict.fromkeys(key for entry in entries for key in entry):
        if name not in {line.path[0] for line in named}:
            for line in others:
                for path in _paths(line, measure, name, metrics):
                    yield line, path


def _paths(line: Line, measure: Measure, name: str, metrics: list[Metrics]) -> Iterator[tuple[str, ...]]:
    """A line's path from the key `name` on; one for each key that an `EACH` at its end stands for."""
    rest = line.path[1:]
    if rest[-1:] != (EACH,):
        yield name, *rest
        return
    named = {each.path[-1] for each in measure.lines}
    found = dict.fromkeys(key for each in metrics for key in get(each, measure.key, name, *rest[:-1]) or {})
    for key in found:
        if key not in named and not _is_detail(key):
            yield name, *rest[:-1], key


def _is_detail(key: str) -> bool:
    """Whether a key holds what is shown next to another value, or in the charts."""
    return key in ("ci95", "groups") or key.startswith("fair_") or key.endswith("_ci95")


def _summary_line(measure: Measure, line: Line, path: tuple[str, ...]) -> SummaryLine:
    names = {"name": clean(path[0], _SOURCE_NAME), "words": key_to_words(path[0]), "last": key_to_words(path[-1])}
    return SummaryLine(
        line.section.format(**names),
        _capitalised(line.title.format(**names)),
        line.explanation,
        lambda metrics: _cell(metrics, measure, line, path),
        lambda metrics: line.comparability(metrics, path[0]),
        line.folded,
    )


def _cell(metrics: Metrics, measure: Measure, line: Line, path: tuple[str, ...]) -> Cell:
    value = get(metrics, measure.key, *path)
    if line.derive is not None:
        value = None if value is None else line.derive(value)
    elif not _is_number(value):
        value = None
    if value is None:
        return MISSING
    form = formatter(line.format, value)
    siblings = get(metrics, measure.key, *path[:-1])
    shown_with = [span(_interval(siblings.get(line.interval)), form)]
    if line.fair is not None:
        expected, bound = siblings.get(line.fair.expected), siblings.get(line.fair.bound)
        fair = [f"fair: {form(expected)}"] if _is_number(expected) else []
        fair += [f"{line.fair.side} {form(bound)}"] if _is_number(bound) else []
        shown_with.append(", ".join(fair))
    for note in line.notes:
        noted = get(metrics, measure.key, *(path[0] if key == EACH else key for key in note.path))
        if noted is not None:
            shown_with.append(note.template.format(formatter(note.format, noted)(noted)))
    return form(value), "; ".join(filter(None, shown_with))


def _unknown_measures(metrics: list[Metrics]) -> Iterator[SummaryLine]:
    """A line for every group of numbers under a key of no known measure."""
    found: dict[tuple[str, ...], None] = {}
    for each in metrics:
        for key, value in each.items():
            if key not in _KNOWN:
                found.update(dict.fromkeys(_leaves((key,), value)))
    for path in found:
        title = _capitalised(" · ".join(map(key_to_words, path)))
        yield SummaryLine(_OTHER, title, "", partial(_numbers_at, path))


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[str, ...]]:
    """Paths of the dictionaries that hold a number themselves, those under `groups` excepted."""
    if _is_number(value):
        yield path
    elif isinstance(value, dict):
        if any(map(_is_number, value.values())):
            yield path
        for key, entry in value.items():
            if isinstance(entry, dict) and key != "groups":
                yield from _leaves((*path, key), entry)


def _numbers_at(path: tuple[str, ...], metrics: Metrics) -> Cell:
    """The first number of the entry at a path, with its interval and its other numbers by name."""
    entry = get(metrics, *path)
    if _is_number(entry):
        return plain_number(entry), ""
    numbers = [(key, value) for key, value in (entry or {}).items() if _is_number(value)]
    if not numbers:
        return MISSING
    (_, first), *others = numbers
    named = (f"{key_to_words(key)} {plain_number(value)}" for key, value in others)
    note = [span(_interval(entry.get("ci95")), plain_number), *named]
    return plain_number(first), "; ".join(filter(None, note))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _interval(value: Any) -> list[float] | None:
    return value if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) else None


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def summary(evaluations: list[Evaluation]) -> list[tuple[SummaryLine, list[Cell]]]:
    """Each line for which any evaluation has a value, with one cell per evaluation."""
    lines = [
        (line, _cells(line, evaluations)) for line in summary_lines([evaluation.metrics for evaluation in evaluations])
    ]
    return [(line, cells) for line, cells in lines if any(cell != MISSING for cell in cells)]


def _cells(line: SummaryLine, evaluations: list[Evaluation]) -> list[Cell]:
    """The cells of a line; a value that is not comparable with the first one says so."""
    first, cells = None, []
    for title, evaluation in zip(titles(evaluations), evaluations, strict=True):
        shown, note = line.read(evaluation.metrics)
        if (shown, note) != MISSING:
            key = line.comparability_key(evaluation.metrics)
            first = first or (title, key)
            if key != first[1]:
                note = "; ".join(filter(None, [note, f"not comparable with {first[0]}"]))
        cells.append((shown, note))
    return cells
