"""What fairness costs: noise-free disparity, and coherence, each against the change in perplexity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from distill.evaluation import Evaluation
from distill.evaluation.comparability import MAIN_POLARITY, Metrics, disparity_key, get
from distill.evaluation.margins import Margins, margins_of
from distill.report.html.label_places import Mark
from distill.report.html.svg import Interval, short
from distill.report.models import ReportedModel
from distill.report.verdict import Contrast, comparable_perplexity


class Figure(NamedTuple):
    """A number and its 95 % interval."""

    value: float
    ci95: Interval


@dataclass(frozen=True)
class Point:
    """One training run of a model.

    Attributes:
        price: Change in perplexity against the baseline's run, as a share.
        height: Its disparity or its coherence.
    """

    price: Figure
    height: Figure


@dataclass(frozen=True)
class Panel:
    """One of the two charts.

    Attributes:
        title: What the axis that goes up shows.
        points: Each model with the points of its runs; the baseline first.
        low: Where the axis begins.
        high: Where it ends.
        good: From where to where the shaded range goes, which holds what lies within the margin.
    """

    title: str
    points: dict[str, list[Point]]
    low: float
    high: float
    good: tuple[float, float]

    @property
    def prices(self) -> tuple[float, float]:
        """Where the axis of prices begins and ends."""
        ends = [end for run in self.runs for end in (run.price.value, *(run.price.ci95 or ()))]
        room = 0.1 * (max(ends) - min(ends)) or 0.01
        return min(ends) - room, max(ends) + room

    @property
    def runs(self) -> list[Point]:
        """The points of all runs."""
        return [run for runs in self.points.values() for run in runs]

    def mark(self, run: Point) -> Mark:
        """Where a run stands in the chart, with its intervals."""
        left, right = self.prices

        def across(price: float) -> float:
            return (price - left) / (right - left)

        def down(height: float) -> float:
            return 1 - (height - self.low) / (self.high - self.low)

        price, height = run.price, run.height
        return Mark(
            across(price.value),
            down(height.value),
            (across(price.ci95[0]), across(price.ci95[1])) if price.ci95 else None,
            (down(height.ci95[1]), down(height.ci95[0])) if height.ci95 else None,
        )


@dataclass(frozen=True)
class TradeOff:
    """The two charts, and what they leave out.

    Attributes:
        kind: Which perplexity: "token" or "word".
        panels: Disparity and coherence, as far as they were measured.
        incomplete: Titles of the models without the perplexity, or without both disparity and coherence.
        incomparable: Titles of the models whose texts were sampled or labelled otherwise than the baseline's.
    """

    kind: str
    panels: tuple[Panel, ...]
    incomplete: tuple[str, ...]
    incomparable: tuple[str, ...]


def trade_off(models: Sequence[ReportedModel], contrasts: Sequence[Contrast]) -> TradeOff | None:
    """The models by their price and what they get for it; None if they share no perplexity.

    Args:
        models: The baseline first.
        contrasts: Of every other model with the baseline, in order.
    """
    measured = comparable_perplexity([model.first.metrics for model in models])
    if measured is None:
        return None
    kind, _ = measured
    first = models[0].first.metrics
    disparity: dict[str, list[Point]] = {}
    coherence: dict[str, list[Point]] = {}
    incomplete, incomparable = [], []
    for index, model in enumerate(models):
        runs = list(
            zip(_prices(models[0], model, contrasts[index - 1] if index else None, kind), model.runs, strict=True)
        )
        found = _points(runs, "disparity", MAIN_POLARITY, "rms_log_odds"), _points(runs, "coherence")
        if not any(found):
            incomplete.append(model.name)
        elif any(disparity_key(run.metrics) != disparity_key(first) for run in model.runs):
            incomparable.append(model.name)
        else:
            for panel, points in zip((disparity, coherence), found, strict=True):
                panel |= {model.name: points} if points else {}
    panels = [_disparity_panel(disparity, parity_margin(first))] if disparity else []
    panels += [_coherence_panel(coherence, first)] if coherence else []
    return TradeOff(kind, tuple(panels), tuple(incomplete), tuple(incomparable))


def parity_margin(metrics: Metrics) -> float:
    """Disparity below which a model shows parity, in nats."""
    return float(get(metrics, "disparity", MAIN_POLARITY, "parity", "margin") or Margins().parity)


def least_coherence(metrics: Metrics) -> float:
    """The coherence that a model must keep for its fall against this baseline to count as none."""
    return max(0.0, (get(metrics, "coherence", "value") or 1.0) - margins_of(metrics).coherence)


def _prices(
    baseline: ReportedModel, model: ReportedModel, contrast: Contrast | None, kind: str
) -> Iterator[Figure | None]:
    """The change in perplexity of each run of a model: paired where it was, without an interval where it was not."""
    for place, run in enumerate(model.runs):
        against = baseline.runs[place % len(baseline.runs)]
        before, after = (get(each.metrics, "perplexity", kind, "value") for each in (against, run))
        paired = contrast.runs[place].prices.get("perplexity") if contrast else None
        if paired:
            yield Figure(paired.change, paired.ci95)
        else:
            yield Figure(after / before - 1, None) if before and after else None


def _points(runs: list[tuple[Figure | None, Evaluation]], *path: str) -> list[Point]:
    """The runs that have both a price and a value under these keys."""
    entries = [(price, get(run.metrics, *path)) for price, run in runs]
    values = [(price, get(entry, "value"), get(entry, "ci95")) for price, entry in entries]
    return [Point(price, Figure(value, ci95)) for price, value, ci95 in values if price and value is not None]


def _disparity_panel(points: dict[str, list[Point]], margin: float) -> Panel:
    highest = max(*_ends(points), 1.5 * margin)
    return Panel("disparity, nats of log-odds", points, 0, 1.06 * highest, (0, margin))


def _coherence_panel(points: dict[str, list[Point]], first: Metrics) -> Panel:
    least = least_coherence(first)
    lowest = min(*_ends(points), least - 0.02)
    room = 0.08 * (1 - lowest)
    return Panel("coherence", points, lowest - room, 1 + room, (least, 1))


def _ends(points: dict[str, list[Point]]) -> list[float]:
    heights = [run.height for runs in points.values() for run in runs]
    return [end for height in heights for end in (height.value, *(height.ci95 or ()))]


def named_marks(panel: Panel) -> tuple[list[tuple[str, Mark]], list[Mark]]:
    """The names of the models, each with the mean of its runs, and the marks of all runs."""
    marks = {name: [panel.mark(run) for run in runs] for name, runs in panel.points.items()}
    names = [
        (
            short(name),
            runs[0]
            if len(runs) == 1
            else Mark(*(sum(place) / len(runs) for place in zip(*((r.x, r.y) for r in runs), strict=True))),
        )
        for name, runs in marks.items()
    ]
    return names, [mark for runs in marks.values() for mark in runs]
