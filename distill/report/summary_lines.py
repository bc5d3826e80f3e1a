"""The lines of the summary table, as the records of the measures describe them.

Numbers in metrics.json that belong to no known measure are shown as well, under their own keys. A model with several
training runs shows the mean over them and their range.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from distill.evaluation.comparability import Metrics, get
from distill.evaluation.measures import MEASURES
from distill.evaluation.measures.record import EACH, Line, Measure, Section
from distill.report.formatting import clean, formatter, key_to_words, parameter_count, plain_number, span
from distill.report.lm_eval_results import HARNESS
from distill.report.models import ReportedModel

Cell = tuple[str, str]
"""A value, and a note that it must be read with, such as its interval; both may be empty."""

MISSING: Cell = ("–", "")
_OTHER = "Other"
_KNOWN = {"schema", "model", "settings", HARNESS, *(measure.key for measure in MEASURES)}
_SOURCE_NAME = 40
"""Characters of an entry's name in a title, at most: a source of pairs may be a long path."""


@dataclass(frozen=True)
class SummaryLine:
    """One line of the summary.

    Attributes:
        section: The section of the table; empty for the model itself.
        title: Its heading.
        explanation: A sentence or two for readers who do not know the measure; may be empty.
        read: Makes its cell from the metrics of a model's runs; `MISSING` if it was not measured.
        comparability_key: Makes from the metrics what two evaluations must agree in for their values to be comparable.
        folded: Whether it is a detail that not every table shows.
        path: The keys in metrics.json that lead to its value; empty if it is computed.
    """

    section: str
    title: str
    explanation: str
    read: Callable[[Sequence[Metrics]], Cell]
    comparability_key: Callable[[Metrics], Any] = lambda metrics: None
    folded: bool = False
    path: tuple[str, ...] = ()


def _parameters(runs: Sequence[Metrics]) -> Cell:
    sizes = [size for metrics in runs if (size := get(metrics, "model", "parameters")) is not None]
    return (", ".join(dict.fromkeys(map(parameter_count, sizes))), "") if sizes else MISSING


_SIZE = SummaryLine("", "Parameters", "Size of the model: the number of its parameters.", _parameters)


def summary_lines(metrics: list[Metrics]) -> list[SummaryLine]:
    """Every line that these evaluations may have a value for, section by section."""
    sections = list(Section)
    lines = [
        (sections.index(line.section), _summary_line(measure, line, path, metrics))
        for measure in MEASURES
        for line, path in _lines_of(measure, metrics)
    ]
    lines.sort(key=lambda pair: pair[0])
    return [_SIZE, *(line for _, line in lines), *_harness_lines(metrics), *_unknown_measures(metrics)]


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


def _summary_line(measure: Measure, line: Line, path: tuple[str, ...], metrics: list[Metrics]) -> SummaryLine:
    names = {"name": clean(path[0], _SOURCE_NAME), "words": key_to_words(path[0]), "last": key_to_words(path[-1])}
    places = (
        _places([_value(each, measure, line, path) for each in metrics])
        if line.format in ("perplexity", "decimal")
        else 2
    )
    return SummaryLine(
        line.section.format(**names),
        _capitalised(line.title.format(**names)),
        line.explanation,
        lambda runs: _cell(runs, measure, line, path, places),
        lambda metrics: line.comparability(metrics, path[0]),
        line.folded,
        (measure.key, *path),
    )


def _places(values: list[Any]) -> int:
    """How many decimals tell different values apart: two, or up to four."""
    distinct = {value for value in values if value is not None}
    return next((places for places in (2, 3) if len({f"{value:.{places}f}" for value in distinct}) == len(distinct)), 4)


def _cell(runs: Sequence[Metrics], measure: Measure, line: Line, path: tuple[str, ...], places: int) -> Cell:
    if len(runs) > 1:
        values = [value for metrics in runs if (value := _value(metrics, measure, line, path)) is not None]
        return _over_runs(values, lambda typical: formatter(line.format, typical, places))
    metrics = runs[0]
    value = _value(metrics, measure, line, path)
    if value is None:
        return MISSING
    form = formatter(line.format, value, places)
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


def _value(metrics: Metrics, measure: Measure, line: Line, path: tuple[str, ...]) -> Any:
    """The value of a line, None if it was not measured."""
    value = get(metrics, measure.key, *path)
    if line.derive is not None:
        return None if value is None else line.derive(value)
    return value if _is_number(value) or (line.format == "name" and isinstance(value, str)) else None


def _over_runs(values: list[Any], form: Callable[[Any], Callable[[Any], str]]) -> Cell:
    """The mean of numbers with their range, or what else was found run by run.

    Args:
        values: One per run in which it was measured.
        form: Makes, for a typical value, the function that writes values.
    """
    if not values:
        return MISSING
    if not all(map(_is_number, values)):
        return ", ".join(form(value)(value) for value in values), "run by run"
    mean = sum(values) / len(values)
    if all(isinstance(value, int) for value in values):
        mean = round(mean)
    write = form(mean)
    ends = [write(min(values)), write(max(values))]
    return write(mean), f"{ends[0]} to {ends[1]} in {len(values)} runs" if len(set(values)) > 1 else ""


def _harness_lines(metrics: list[Metrics]) -> Iterator[SummaryLine]:
    """A line for every task and metric of lm-evaluation-harness; tasks that a group sums up are folded."""
    found = {
        (HARNESS, task, metric): entry
        for each in metrics
        for task, entries in (get(each, HARNESS) or {}).items()
        for metric, entry in entries.items()
    }
    for path, entry in found.items():
        better = {True: "Higher is better. ", False: "Lower is better. "}.get(entry["higher_is_better"], "")
        yield SummaryLine(
            f"{HARNESS}, parts of its groups" if entry["part_of_group"] else HARNESS,
            " · ".join(map(clean, path[1:])),
            f"{better}As the harness computed it, with 1.96 of its standard errors on either side where it gives one.",
            partial(_numbers_at, path),
            partial(_harness_setting, path),
            folded=entry["part_of_group"],
        )


def _harness_setting(path: tuple[str, ...], metrics: Metrics) -> Any:
    """The version of a task, its examples and its documents."""
    return get(metrics, *path, "comparability")


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


def _numbers_at(path: tuple[str, ...], runs: Sequence[Metrics]) -> Cell:
    """The first number of the entry at a path, with its interval and its other numbers by name."""
    if len(runs) > 1:
        found = [list(_numbers(get(metrics, *path)).values()) for metrics in runs]
        return _over_runs([numbers[0] for numbers in found if numbers], lambda _: plain_number)
    entry = get(metrics := runs[0], *path)
    if not (numbers := _numbers(entry)):
        return MISSING
    (_, first), *others = numbers.items()
    named = (f"{key_to_words(key)} {plain_number(value)}" for key, value in others)
    note = [span(_interval(get(metrics, *path, "ci95")), plain_number), *named]
    return plain_number(first), "; ".join(filter(None, note))


def _numbers(entry: Any) -> dict[str, float]:
    """The numbers of an entry by key; a number by itself has no key."""
    entry = entry if isinstance(entry, dict) else {"": entry}
    return {key: value for key, value in entry.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _interval(value: Any) -> list[float] | None:
    return value if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) else None


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def summary(models: Sequence[ReportedModel]) -> list[tuple[SummaryLine, list[Cell]]]:
    """Each line for which any model has a value, with one cell per model."""
    metrics = [run.metrics for model in models for run in model.runs]
    lines = [(line, _cells(line, models)) for line in summary_lines(metrics)]
    return [(line, cells) for line, cells in lines if any(cell != MISSING for cell in cells)]


def _cells(line: SummaryLine, models: Sequence[ReportedModel]) -> list[Cell]:
    """The cells of a line; a value that is not comparable with the first one says so."""
    first, cells = None, []
    for model in models:
        runs = [run.metrics for run in model.runs]
        shown, note = line.read(runs)
        if (shown, note) != MISSING:
            keys = [line.comparability_key(metrics) for metrics in runs if line.read([metrics]) != MISSING]
            first = first or (model.name, keys[0])
            if any(key != first[1] for key in keys):
                note = "; ".join(filter(None, [note, f"not comparable with {first[0]}"]))
        cells.append((shown, note))
    return cells
