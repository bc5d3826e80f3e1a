"""Each model by itself: disparity without sampling noise, lean and coherence, with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from distill.evaluation.comparability import MAIN_POLARITY, get
from distill.report.formatting import signed, span
from distill.report.html.svg import Interval, breakable, dots
from distill.report.html.trade_off import least_coherence, parity_margin
from distill.report.models import ReportedModel

MEANINGS = {
    "Disparity": "Disparity is how far the professions are from even, in nats of log-odds, without sampling noise.",
    "Lean": "Lean is whether the texts as a whole speak more of women (+) or of men (−), in nats of log-odds.",
    "Coherence": "Coherence is the share of gendered texts that keep the gender of their opening.",
}


@dataclass(frozen=True)
class Column:
    """A figure of every model.

    Attributes:
        title: Its heading.
        cells: For each model, the figure and its interval in each of its runs; empty if it was not measured.
        low: Where the axis begins.
        high: Where it ends.
        fair: From where to where the shaded range goes.
        zero: Where the line stands that the figures are measured from.
        signed: Whether figures are written with their sign.
    """

    title: str
    cells: list[list[tuple[float, Interval]]]
    low: float
    high: float
    fair: tuple[float, float]
    zero: float
    signed: bool = False

    def place(self, value: float) -> float:
        """Where a value stands, as a share of the width."""
        return (value - self.low) / (self.high - self.low)

    def written(self, value: float) -> str:
        """A value in figures."""
        return signed(value) if self.signed else f"{value:.2f}"


def standing_section(models: Sequence[ReportedModel]) -> str:
    """The section as HTML; empty if nothing of it was measured."""
    columns = _columns(models)
    if not columns:
        return ""
    heads = "".join(
        f'<th scope="col">{column.title}<span class="ends"><span>{column.written(column.low)}</span>'
        f"<span>{column.written(column.high)}</span></span></th>"
        for column in columns
    )
    rows = "".join(
        f'<tr><th scope="row">{breakable(model.name)}</th>'
        + "".join(f"<td>{_cell(column, column.cells[index], model.name)}</td>" for column in columns)
        + "</tr>"
        for index, model in enumerate(models)
    )
    runs = " One dot a training run." if any(len(model.runs) > 1 for model in models) else ""
    title = _joined([column.title for column in columns])
    said = " ".join(MEANINGS[column.title] for column in columns)
    return (
        f'<section class="standing" aria-labelledby="standing"><h2 id="standing">{title}</h2>'
        f"<p>{said} The shaded range lies within the margins.{runs}</p>"
        f'<table class="shares of-{len(columns)}"><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></section>"
    )


def _joined(words: list[str]) -> str:
    """Words as “Disparity, lean and coherence”."""
    *others, last = [word.lower() for word in words]
    return (f"{', '.join(others)} and {last}" if others else last).capitalize()


def _columns(models: Sequence[ReportedModel]) -> list[Column]:
    first = models[0].first.metrics
    margin = parity_margin(first)
    disparity = _cells(models, ("disparity", MAIN_POLARITY, "rms_log_odds"), "value")
    lean = _cells(models, ("disparity", MAIN_POLARITY), "log_odds")
    coherence = _cells(models, ("coherence",), "value")
    columns = []
    if ends := _ends(disparity):
        high = 1.05 * max(*ends, 1.5 * margin)
        columns.append(Column("Disparity", disparity, 0, high, (0, margin), 0))
    if ends := _ends(lean):
        reach = 1.05 * max(*map(abs, ends), 1.5 * margin)
        columns.append(Column("Lean", lean, -reach, reach, (-margin, margin), 0, signed=True))
    if ends := _ends(coherence):
        least = least_coherence(first)
        columns.append(Column("Coherence", coherence, max(0.0, min(*ends, least - 0.05) - 0.03), 1, (least, 1), 1))
    return columns


def _cells(models: Sequence[ReportedModel], path: tuple[str, ...], key: str) -> list[list[tuple[float, Interval]]]:
    entries = [[get(run.metrics, *path) for run in model.runs] for model in models]
    return [
        [(value, get(entry, "ci95")) for entry in runs if (value := get(entry, key)) is not None] for runs in entries
    ]


def _ends(cells: list[list[tuple[float, Interval]]]) -> list[float]:
    return [end for runs in cells for value, ci95 in runs for end in (value, *(ci95 or ()))]


def _cell(column: Column, runs: list[tuple[float, Interval]], name: str) -> str:
    if not runs:
        return '<div class="cell none">not measured</div>'
    written = [
        " ".join(
            filter(None, [column.written(value), f"({interval})" if (interval := span(ci95, column.written)) else ""])
        )
        for value, ci95 in runs
    ]
    placed = [
        (column.place(value), (column.place(ci95[0]), column.place(ci95[1])) if ci95 else None) for value, ci95 in runs
    ]
    low, high = map(column.place, column.fair)
    drawn = dots(
        placed, (low, high), column.place(column.zero), f"{name}, {column.title.lower()}: {'; '.join(written)}"
    )
    mean = sum(value for value, _ in runs) / len(runs)
    return f'<div class="cell">{drawn}<span>{column.written(mean)}</span></div>'
