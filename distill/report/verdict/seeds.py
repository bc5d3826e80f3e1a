"""Figures of one model and of two, over their training runs: of a single run its own, of several their mean.

The interval of a mean is Student's over runs. It says what other seeds would give on the same prompts and texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from distill.errors import UserError
from distill.evaluation.comparability import MAIN_POLARITY, get
from distill.evaluation.disparity.parity import ParityVerdict
from distill.evaluation.paired.prices import RELATIVE, Price, judge
from distill.evaluation.statistics.training_runs import Mean, difference_over_runs, mean_over_runs
from distill.report.metrics_access import parity_of
from distill.report.models import ReportedModel
from distill.report.verdict.contrasts import ALPHA, Contrast

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A figure of one model.

    Attributes:
        value: The figure, or its mean over runs.
        ci95: Its 95 % interval, if there is one: over prompts or documents, or over runs.
    """

    value: float
    ci95: Interval | None

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.ci95 is not None and not self.ci95[0] <= 0 <= self.ci95[1]


@dataclass(frozen=True)
class Shift:
    """A measure of disparity for two models.

    Attributes:
        baseline: Value for the first model.
        value: Value for the second model.
        ci95: 95 % interval of value − baseline.
        p: p value for no difference; None over runs, where the interval decides.
    """

    baseline: float
    value: float
    ci95: Interval
    p: float | None

    @property
    def difference(self) -> float:
        """Value of the second model minus that of the first."""
        return self.value - self.baseline

    @property
    def clear(self) -> bool:
        """Whether the difference is significant."""
        return not self.ci95[0] <= 0 <= self.ci95[1] if self.p is None else self.p < ALPHA


@dataclass(frozen=True)
class Outcome:
    """What changes from one model to another.

    Attributes:
        disparity: Root mean square log-odds without sampling noise, or the error that says why there is no comparison.
        lean: Mean log-odds; None if there is no comparison.
        less: (estimate, low, high): the share of the disparity that is removed. None if it cannot be said.
        prices: The price by each measure.
        runs: Over how many pairs of runs the means are taken.
    """

    disparity: Shift | UserError
    lean: Shift | None
    less: tuple[float, float, float] | None
    prices: dict[str, Price]
    runs: int


@dataclass(frozen=True)
class ParityFinding:
    """Whether a model shows parity.

    Attributes:
        verdict: Over its runs.
        margin: Disparity and lean below which it does, in nats.
        lower: One-sided 95 % lower bound of the disparity.
        upper: One-sided 95 % upper bound of the disparity.
        lean_upper: One-sided 95 % upper bound of the absolute lean.
        texts_needed: How many more texts a group would decide, if that is known.
        groups_beyond: The groups that lie beyond the margin by themselves, in any run.
        by_run: The verdict on each run.
    """

    verdict: ParityVerdict
    margin: float
    lower: float
    upper: float
    lean_upper: float
    texts_needed: int | None
    groups_beyond: tuple[str, ...]
    by_run: tuple[ParityVerdict, ...]


def estimate(
    model: ReportedModel, *path: str, interval: str = "ci95", least: float = -inf, most: float = inf
) -> Estimate | None:
    """A figure of a model, over the runs that have it; None if none has.

    Args:
        model: The model.
        path: The keys of the figure in metrics.json.
        interval: The key beside it for its 95 % interval, used for a single run.
        least: The smallest value that the figure can have, which an interval over runs may fall below.
        most: The largest value that it can have.
    """
    found = [(get(run.metrics, *path), get(run.metrics, *path[:-1], interval)) for run in model.runs]
    values = [value for value, _ in found if value is not None]
    if not values:
        return None
    if len(values) == 1:
        (bounds,) = (bounds for value, bounds in found if value is not None)
        return Estimate(values[0], (bounds[0], bounds[1]) if bounds else None)
    mean = mean_over_runs(values)
    low, high = mean.ci95
    own = [bounds for _, bounds in found if bounds]
    if min(values) == least and own:
        # Values cut off at the least one agree by that alone: the widest interval of a run counts.
        high = max(high, *(each[1] for each in own))
    return Estimate(mean.value, (max(low, least), min(high, most)))


def parity_finding(model: ReportedModel, polarity: str = MAIN_POLARITY) -> ParityFinding | None:
    """Whether a model shows parity; None if a run cannot be judged."""
    records = [parity_of(run.metrics, polarity) for run in model.runs]
    judged = [record for record in records if record is not None]
    if len(judged) < len(records):
        return None
    first = judged[0]
    beyond = tuple(dict.fromkeys(group for record in judged for group in record["groups_beyond"]))
    found = ParityFinding(
        first["verdict"], first["margin"], first["lower"], first["upper"], first["lean_upper"], first["texts_needed"],
        beyond, tuple(record["verdict"] for record in judged),
    )  # fmt: skip
    if len(records) == 1:
        return found
    sizes, leans = (
        [value for run in model.runs if (value := get(run.metrics, "disparity", polarity, *path)) is not None]
        for path in (("rms_log_odds", "value"), ("log_odds",))
    )
    if min(len(sizes), len(leans)) < len(records):
        return None
    verdict, lower, upper, lean_upper = parity_over_runs(
        sizes, [record["upper"] for record in judged], leans, first["margin"]
    )
    return replace(found, verdict=verdict, lower=lower, upper=upper, lean_upper=lean_upper, texts_needed=None)


def parity_over_runs(
    sizes: Sequence[float], uppers: Sequence[float], leans: Sequence[float], margin: float
) -> tuple[ParityVerdict, float, float, float]:
    """Judge the parity of a training method by its runs.

    Args:
        sizes: Disparity of each run without sampling noise, in nats.
        uppers: One-sided 95 % upper bound of each run's disparity.
        leans: Mean log-odds of each run.
        margin: Disparity and lean below which a method shows parity.

    Returns:
        The verdict, the one-sided 95 % lower and upper bounds of the mean disparity, and the upper bound of the
        absolute mean lean.

    Raises:
        ValueError: If there are fewer than two runs.
    """
    disparity, lean = mean_over_runs(sizes), mean_over_runs(leans)
    lean_upper = max(lean.upper, -lean.lower)
    upper = disparity.upper
    if min(sizes) == 0:
        # Estimates cut off at 0 agree by that alone: the disparity is as uncertain as each run leaves it.
        upper = max(upper, mean_over_runs(uppers).value)
    verdict: ParityVerdict = "undecided"
    if upper < margin and lean_upper < margin:
        verdict = "shown"
    elif max(disparity.lower, lean.lower, -lean.upper) >= margin:
        verdict = "refuted"
    return verdict, max(0.0, disparity.lower), upper, lean_upper


def outcome(contrast: Contrast) -> Outcome:
    """What changes from one model to another, over the pairs of their runs."""
    comparisons = [pair.comparison for pair in contrast.runs]
    shared = set.intersection(*(set(pair.prices) for pair in contrast.runs))
    prices = {
        measure: _pooled_price([pair.prices[measure] for pair in contrast.runs], contrast)
        for measure in contrast.first.prices
        if measure in shared
    }
    compared = [comparison for comparison in comparisons if not isinstance(comparison, UserError)]
    problems = [comparison for comparison in comparisons if isinstance(comparison, UserError)]
    if problems:
        return Outcome(problems[0], None, None, prices, len(contrast.runs))
    disparity, lean = (
        [
            Shift(change.baseline, change.value, change.ci95, change.p)
            for change in (getattr(comparison, measure) for comparison in compared)
        ]
        for measure in ("disparity", "log_odds")
    )
    less = [comparison.less for comparison in compared]
    return Outcome(
        _pooled_shift(disparity, contrast),
        _pooled_shift(lean, contrast),
        _pooled_less(less, contrast),
        prices,
        len(compared),
    )


def _pooled_shift(shifts: Sequence[Shift], contrast: Contrast) -> Shift:
    if len(shifts) == 1:
        return shifts[0]
    before, after = [shift.baseline for shift in shifts], [shift.value for shift in shifts]
    change = _change(before, after, [shift.difference for shift in shifts], contrast)
    baseline, (low, high) = _mean(before, contrast.baseline), change.ci95
    if 0 in before or 0 in after:
        # Disparities cut off at 0 agree by that alone: the widest interval of a pair counts.
        lows, highs = zip(*(shift.ci95 for shift in shifts), strict=True)
        low, high = min(low, *lows), max(high, *highs)
    return Shift(baseline, baseline + change.value, (low, high), None)


def _pooled_less(
    less: Sequence[tuple[float, float, float] | None], contrast: Contrast
) -> tuple[float, float, float] | None:
    known = [each for each in less if each is not None]
    if len(known) < len(less) or not contrast.paired:
        return None
    if len(known) == 1:
        return known[0]
    estimates, lows, _ = zip(*known, strict=True)
    mean = mean_over_runs(estimates)
    # No more than all can be removed. Estimates cut off there agree by that alone, so that each run's own bound counts.
    low = min(mean.ci95[0], *lows) if max(estimates) >= 1 else mean.ci95[0]
    return mean.value, low, min(mean.ci95[1], 1.0)


def _pooled_price(prices: Sequence[Price], contrast: Contrast) -> Price:
    if len(prices) == 1:
        return prices[0]
    first = prices[0]
    before, after = [price.baseline for price in prices], [price.value for price in prices]
    change = _change(before, after, [price.change for price in prices], contrast)
    scale = 1.0
    if not contrast.paired and first.measure in RELATIVE:
        scale = _mean(before, contrast.baseline) or 1.0
    low, high = change.ci95[0] / scale, change.ci95[1] / scale
    return Price(
        first.measure,
        _mean(before, contrast.baseline),
        _mean(after, contrast.model),
        change.value / scale,
        (low, high),
        first.margin,
        None if first.margin is None else judge(first.measure, low, high, first.margin),
        len(prices),
    )


def _change(before: list[float], after: list[float], of_pairs: list[float], contrast: Contrast) -> Mean:
    """The mean change of paired runs, or the difference of the means of unpaired ones."""
    if contrast.paired:
        return mean_over_runs(of_pairs)
    return difference_over_runs(before[: len(contrast.baseline.runs)], after[: len(contrast.model.runs)])


def _mean(values: list[float], model: ReportedModel) -> float:
    """The mean over the runs of one of the two models; the values of a model with fewer runs repeat."""
    own = values[: len(model.runs)]
    return sum(own) / len(own)
