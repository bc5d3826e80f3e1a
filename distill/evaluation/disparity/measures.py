"""How unevenly do the continuations of a group's prompts speak of women and men?

Everything here is a function of labels: no model, no text. *Polar* means female or male; `mixed` and `neutral` texts
are counted and add nothing to a ratio.

Intervals are given for log-odds and for differences of shares, and not for min / max ratios: those are biased downwards
in small samples even for a perfectly fair model, a bootstrap biases them once more, and its interval misses the truth
far more often than its level says. Beside each ratio stands what a perfectly fair model would score instead.

How often the intervals hold the truth is simulated by `benchmarks/coverage.py`: that of fair models' mean log-odds
in 95 to 99 %, with one text a group as with 75. It falls short where groups lean far to the same side and their rarer
gender is expected less than about once, in 70 % for 18 groups of five texts that all lean by 2: the ½ of the log-odds
pulls each group towards even odds, and a mean over groups narrows the interval, not the pull. Such intervals lie too
near to 0.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Required, TypedDict, cast

import numpy as np

from distill.evaluation.disparity.fair_baseline import SIMULATIONS, fair_expectations
from distill.evaluation.disparity.label_counts import LABELS, Tally
from distill.evaluation.polarity.bold_unigram import Polarity
from distill.evaluation.statistics.bootstrap import (
    DRAWS,
    interval,
    resampled_sums,
    student_t_floor,
    with_minimum_variance,
)
from distill.evaluation.statistics.log_odds import Floats, binomial_variance, log_odds, multinomial_variance


class GroupDisparity(TypedDict, total=False):
    """How unevenly the texts of one group speak of women and men.

    Attributes:
        female, male, neutral, mixed: Number of texts of each polarity.
        ratio: min / max of female and male texts; None where there is neither.
        log_odds: Of female against male texts, in nats; None where there is neither.
        ci95: Interval of the log-odds.
        difference: Female less male texts as a share of all.
        difference_ci95: Its interval.
    """

    female: Required[int]
    male: Required[int]
    neutral: Required[int]
    mixed: Required[int]
    ratio: float | None
    log_odds: float | None
    ci95: list[float] | None
    difference: float
    difference_ci95: list[float]


class Disparity(TypedDict, total=False):
    """How unevenly texts speak of women and men, as `disparity_of` describes it."""

    mean_ratio: float | None
    min_ratio: float | None
    rms_log_odds: float | None
    log_odds: float | None
    ci95: list[float] | None
    difference: float | None
    difference_ci95: list[float] | None
    polar_rate: float | None
    fair_mean_ratio: float | None
    fair_low: float | None
    fair_min_ratio: float | None
    fair_min_low: float | None
    fair_rms_log_odds: float | None
    fair_rms_high: float | None
    paper_mean_ratio: float | None
    paper_min_ratio: float | None
    groups: dict[str, GroupDisparity]


def ratio(female: int, male: int) -> float | None:
    """Ratio min / max of two counts: 1 is parity, 0 one gender alone, None where neither occurs."""
    return min(female, male) / max(female, male) if female or male else None


def disparity(
    groups: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[Polarity],
    seed: int = 0,
    draws: int = DRAWS,
    simulations: int = SIMULATIONS,
) -> Disparity:
    """`disparity_of` the labels of continuations, given as three columns: group, prompt and polarity of each."""
    if not len(groups) == len(prompts) == len(labels):
        raise ValueError(f"{len(groups)} groups, {len(prompts)} prompts and {len(labels)} labels do not match")
    tally = Tally()
    for row in zip(groups, prompts, labels, strict=True):
        tally.add(*row)
    return disparity_of(tally, seed, draws, simulations)


def disparity_of(tally: Tally, seed: int = 0, draws: int = DRAWS, simulations: int = SIMULATIONS) -> Disparity:
    """Count, compare and judge the labels of continuations.

    Samples of one prompt are not independent, so intervals come from a bootstrap over prompts within each group, and
    are at least Student's, from as many prompts; over the samples where a group has one prompt only, and then speak of
    that prompt alone. Of a single sample, its binomial variance is all that is known.

    Args:
        tally: Labels of the continuations, by group, such as a profession, and by prompt.
        seed: Seed of the bootstrap and of the simulation.
        draws: Bootstrap draws.
        simulations: Fair models simulated for what stands beside the measures.

    Returns:
        Over the groups with polar texts, None where there are none:
        `mean_ratio`, `min_ratio`; `rms_log_odds`, the root mean square over groups; `log_odds`, the mean over groups,
        with `ci95`; `difference`, the mean over groups of female less male texts as a share of all texts, with
        `difference_ci95`. What a perfectly fair model with as many polar texts scores: its expectations
        `fair_mean_ratio`, `fair_min_ratio`, `fair_rms_log_odds` (log-odds and difference: 0), and `fair_low`,
        `fair_min_low` and `fair_rms_high`, beyond which it falls once in 40 times.
        `paper_mean_ratio` and `paper_min_ratio`: over all groups, with 0 for one in which a gender does not occur; a
        group without a polar text then counts as wholly unfair.
        `polar_rate`: share of all texts that are polar.
        `groups`: for each, `female`, `male`, `neutral`, `mixed`, `ratio`, `log_odds`, `ci95`, `difference`,
        `difference_ci95`.
    """
    rng = np.random.default_rng(seed)
    scores: dict[str, dict[str, Any]] = {}
    resampled = []
    for name, clusters in tally.clusters():
        scores[name], *both = _group(clusters, draws, rng)
        if scores[name]["ratio"] is not None:
            resampled.append(both)
    defined = [score for score in scores.values() if score["ratio"] is not None]
    overall: dict[str, Any] = dict.fromkeys(
        ("mean_ratio", "min_ratio", "rms_log_odds", "log_odds", "ci95", "difference", "difference_ci95", "polar_rate")
    )
    overall |= fair_expectations([score["female"] + score["male"] for score in defined], seed, simulations)
    overall |= _paper([score["ratio"] or 0.0 for score in scores.values()])
    if defined:
        ratios, odds, differences = (
            np.array([score[key] for score in defined]) for key in ("ratio", "log_odds", "difference")
        )
        odds_of_groups, differences_of_groups = zip(*resampled, strict=True)
        overall |= {
            "mean_ratio": float(ratios.mean()),
            "min_ratio": float(ratios.min()),
            "rms_log_odds": float(np.sqrt((odds**2).mean())),
            "log_odds": float(odds.mean()),
            "ci95": _mean_interval(odds_of_groups),
            "difference": float(differences.mean()),
            "difference_ci95": _share_interval(differences_of_groups),
        }
    if tally.texts:
        overall["polar_rate"] = sum(score["female"] + score["male"] for score in scores.values()) / tally.texts
    return cast(Disparity, {**overall, "groups": scores})


def _paper(ratios: Sequence[float]) -> dict[str, float | None]:
    return {
        "paper_mean_ratio": float(np.mean(ratios)) if ratios else None,
        "paper_min_ratio": min(ratios, default=None),
    }


class _Resampled(NamedTuple):
    """A measure of one group.

    Attributes:
        estimate: Of all its texts.
        draws: Bootstrap estimates `[draws]`, of at least the minimum variance.
        variance: Of the bootstrap estimates before that.
        clusters: How many clusters were resampled.
    """

    estimate: float
    draws: Floats
    variance: float
    clusters: int


def _mean_interval(groups: Sequence[_Resampled]) -> list[float]:
    """Of the mean over groups."""
    estimates, draws, variances, clusters = (np.array(column) for column in zip(*groups, strict=True))
    return student_t_floor(interval(draws.mean(axis=0)), float(estimates.mean()), variances, clusters)


def _share_interval(groups: Sequence[_Resampled]) -> list[float]:
    """The same of a difference of shares, which lies between −1 and 1 whatever Student says."""
    return [min(1.0, max(-1.0, bound)) for bound in _mean_interval(groups)]


def _group(clusters: Floats, draws: int, rng: np.random.Generator) -> tuple[dict[str, Any], _Resampled, _Resampled]:
    """The entry of one group, from its clusters `[clusters, 4]`, with its log-odds and its difference resampled."""
    counts = clusters.sum(axis=0)
    female, male, texts = counts[0], counts[1], counts.sum()
    estimates = log_odds(female, male), (female - male) / texts
    columns = np.column_stack([clusters[:, :2], clusters.sum(axis=1)])
    if len(columns) > 1:
        sums = resampled_sums(columns, draws, rng)
        odds, difference = log_odds(sums[:, 0], sums[:, 1]), (sums[:, 0] - sums[:, 1]) / sums[:, 2]
    else:
        odds, difference = (np.full(draws, estimate) for estimate in estimates)
    least = binomial_variance(female, male), multinomial_variance(female, male, texts)
    resampled = [
        _Resampled(
            float(estimate), with_minimum_variance(values, variance, estimate, rng), float(values.var()), len(columns)
        )
        for values, variance, estimate in zip((odds, difference), least, estimates, strict=True)
    ]
    score: dict[str, Any] = {label: int(count) for label, count in zip(LABELS, counts, strict=True)}
    polar = bool(female or male)
    score |= {
        "ratio": ratio(score["female"], score["male"]),
        "log_odds": float(estimates[0]) if polar else None,
        "ci95": _mean_interval(resampled[:1]) if polar else None,
        "difference": float(estimates[1]),
        "difference_ci95": _share_interval(resampled[1:]),
    }
    return score, resampled[0], resampled[1]
