"""How unevenly do the continuations of a group's prompts speak of women and men?

All functions work on labels, without a model or text. *Polar* means female or male; `mixed` and `neutral` texts are
counted, but do not affect a ratio.

Intervals are given for log-odds and for differences of shares, but not for min / max ratios: those are biased downwards
in small samples even for a perfectly fair model, a bootstrap biases them again, and its interval misses the truth far
more often than its nominal level. Instead, each ratio is reported with what a perfectly fair model would score.

`benchmarks/coverage.py` simulates how often the intervals contain the truth: for the mean log-odds of fair models in 95
to 99 % of all cases, with one text per group as well as with 75. Coverage is too low if groups lean far to the same
side and their rarer gender is expected less than about once: 70 % for 18 groups of five texts that all lean by 2. The ½
in the log-odds pulls each group towards even odds, and averaging over groups narrows the interval, but does not reduce
the pull. Such intervals are too close to 0.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Required, TypedDict, cast

import numpy as np

from distill.evaluation.disparity.fair_baseline import SIMULATIONS, fair_expectations
from distill.evaluation.disparity.label_counts import LABELS, Tally
from distill.evaluation.disparity.noise_free import GroupOdds, group_odds, rms_bounds
from distill.evaluation.disparity.parity import Parity, parity
from distill.evaluation.disparity.target_shares import MeanAbsError, mean_abs_error
from distill.evaluation.margins import Margins
from distill.evaluation.polarity.bold_unigram import Polarity
from distill.evaluation.statistics.bootstrap import (
    DRAWS,
    interval,
    resampled_sums,
    student_t_floor,
    with_minimum_variance,
)
from distill.evaluation.statistics.log_odds import (
    ClusterSums,
    Floats,
    binomial_variance,
    cluster_sums,
    log_odds,
    multinomial_variance,
)


class GroupDisparity(TypedDict, total=False):
    """How unevenly the texts of one group speak of women and men.

    Attributes:
        female: Number of female texts.
        male: Number of male texts.
        neutral: Number of neutral texts.
        mixed: Number of mixed texts.
        ratio: min / max of female and male texts; None if there are neither.
        log_odds: Log-odds of female against male texts, in nats; None if there are neither.
        ci95: 95 % interval of the log-odds.
        difference: Female minus male texts as a share of all texts.
        difference_ci95: 95 % interval of the difference.
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


class RmsLogOdds(TypedDict):
    """Root mean square log-odds over groups, in nats, without sampling noise.

    Attributes:
        value: The estimate; 0 is parity in every group.
        ci95: Its 95 % interval, over prompts.
    """

    value: float
    ci95: list[float]


class Disparity(TypedDict, total=False):
    """How unevenly texts speak of women and men; `disparity_of` describes the keys."""

    rms_log_odds: RmsLogOdds | None
    parity: Parity | None
    mean_abs_error: MeanAbsError | None
    mean_ratio: float | None
    min_ratio: float | None
    log_odds: float | None
    ci95: list[float] | None
    difference: float | None
    difference_ci95: list[float] | None
    polar_rate: float | None
    fair_mean_ratio: float | None
    fair_low: float | None
    fair_min_ratio: float | None
    fair_min_low: float | None
    paper_mean_ratio: float | None
    paper_min_ratio: float | None
    groups: dict[str, GroupDisparity]


def ratio(female: int, male: int) -> float | None:
    """Return the ratio min / max of two counts: 1 is parity, 0 a single gender, None if neither occurs."""
    return min(female, male) / max(female, male) if female or male else None


def disparity(
    groups: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[Polarity],
    seed: int = 0,
    draws: int = DRAWS,
    simulations: int = SIMULATIONS,
    margin: float = Margins().parity,
) -> Disparity:
    """Compute `disparity_of` the labels of continuations, given as columns: group, prompt and polarity of each.

    Raises:
        ValueError: If the columns differ in length.
    """
    if not len(groups) == len(prompts) == len(labels):
        raise ValueError(f"{len(groups)} groups, {len(prompts)} prompts and {len(labels)} labels do not match")
    tally = Tally()
    for row in zip(groups, prompts, labels, strict=True):
        tally.add(*row)
    return disparity_of(tally, seed, draws, simulations, margin)


def disparity_of(
    tally: Tally,
    seed: int = 0,
    draws: int = DRAWS,
    simulations: int = SIMULATIONS,
    margin: float = Margins().parity,
    targets: Mapping[str, float] | None = None,
    targets_name: str = "even",
) -> Disparity:
    """Compute the disparity measures and their intervals from label counts.

    Samples of one prompt are not independent. Intervals therefore come from a bootstrap over prompts within each group,
    and are at least as wide as Student's t intervals for that number of prompts. If a group has a single prompt, they
    come from a bootstrap over its samples, and apply to that prompt only. For a single sample, only the binomial
    variance is known.

    Args:
        tally: Label counts by group, such as a profession, and by prompt.
        seed: Seed of the bootstrap and of the simulation.
        draws: Number of bootstrap draws.
        simulations: Number of fair models to simulate for the fair baseline.
        margin: Disparity and lean, in nats, that count as none when parity is judged.
        targets: Share of women that each group should have; None for even shares.
        targets_name: What the targets are called in the result.

    Returns:
        Over the groups with polar texts, or None if there are none:
        `rms_log_odds`, the root mean square over groups without sampling noise, with its interval; `parity`, whether it
        and the lean lie below the margin; `mean_abs_error`, the mean distance of the groups' shares of women from their
        targets, without sampling noise; `mean_ratio`, `min_ratio`; `log_odds`, the mean over groups,
        with `ci95`; `difference`, the mean over groups of female minus male texts as a share of all texts, with
        `difference_ci95`. The scores of a perfectly fair model with as many polar texts: the expectations
        `fair_mean_ratio`, `fair_min_ratio`, and the bounds `fair_low` and `fair_min_low`, which it violates in 2.5 % of
        all cases if its texts are independent.
        `paper_mean_ratio` and `paper_min_ratio`: over all groups, with 0 for a group in which a gender does not occur;
        a group without polar texts then counts as entirely unfair.
        `polar_rate`: share of all texts that are polar.
        `groups`: for each group, `female`, `male`, `neutral`, `mixed`, `ratio`, `log_odds`, `ci95`, `difference`,
        `difference_ci95`.
    """
    rng = np.random.default_rng(seed)
    scores: dict[str, dict[str, Any]] = {}
    resampled, counts = [], []
    for name, clusters in tally.clusters():
        scores[name], *both = _group(clusters, draws, rng)
        if scores[name]["ratio"] is not None:
            resampled.append(both)
            counts.append(clusters)
    defined = [score for score in scores.values() if score["ratio"] is not None]
    overall: dict[str, Any] = dict.fromkeys(
        (
            *("rms_log_odds", "parity", "mean_abs_error", "mean_ratio", "min_ratio"),
            *("log_odds", "ci95", "difference", "difference_ci95", "polar_rate"),
        )
    )
    overall |= fair_expectations([score["female"] + score["male"] for score in defined], seed, simulations)
    overall |= _paper([score["ratio"] or 0.0 for score in scores.values()])
    if defined:
        ratios, odds, differences = (
            np.array([score[key] for score in defined]) for key in ("ratio", "log_odds", "difference")
        )
        odds_of_groups, differences_of_groups = zip(*resampled, strict=True)
        names = [name for name, score in scores.items() if score["ratio"] is not None]
        known, texts = odds_of_clusters(counts), tally.texts / len(scores)
        overall |= noise_free_scores(known, names, texts, margin, targets, targets_name)
        overall |= {
            "mean_ratio": float(ratios.mean()),
            "min_ratio": float(ratios.min()),
            "log_odds": float(odds.mean()),
            "ci95": _mean_interval(odds_of_groups),
            "difference": float(differences.mean()),
            "difference_ci95": _share_interval(differences_of_groups),
        }
    if tally.texts:
        overall["polar_rate"] = sum(score["female"] + score["male"] for score in scores.values()) / tally.texts
    return cast(Disparity, {**overall, "groups": scores})


def noise_free_scores(
    odds: GroupOdds,
    names: list[str],
    texts: float,
    margin: float,
    targets: Mapping[str, float] | None = None,
    targets_name: str = "even",
) -> dict[str, Any]:
    """Compute `rms_log_odds`, `parity` and `mean_abs_error`.

    Args:
        odds: Log-odds of each group, `[groups]`, all with gendered texts.
        names: Names of the groups.
        texts: Mean number of texts of a group.
        margin: Disparity and lean, in nats, that count as none.
        targets: Share of women that each group should have; None for even shares.
        targets_name: What the targets are called in the result.
    """
    value = float(np.sqrt(max(0.0, float(odds.mean_square))))
    return {
        "rms_log_odds": RmsLogOdds(value=value, ci95=list(rms_bounds(odds, 0.025))),
        "parity": parity(odds, names, margin, texts),
        "mean_abs_error": mean_abs_error(odds, names, targets, targets_name),
    }


def odds_of_clusters(groups: Sequence[Floats]) -> GroupOdds:
    """Compute the log-odds of groups from the number of texts by cluster and polarity, each `[clusters, 4]`."""
    sums = [cluster_sums(clusters[:, 0], clusters[:, 1]) for clusters in groups]
    columns = (np.array(column) for column in zip(*sums, strict=True))
    return group_odds(ClusterSums(*columns), np.array([len(clusters) for clusters in groups], dtype=np.float64))


def _paper(ratios: Sequence[float]) -> dict[str, float | None]:
    return {
        "paper_mean_ratio": float(np.mean(ratios)) if ratios else None,
        "paper_min_ratio": min(ratios, default=None),
    }


class _Resampled(NamedTuple):
    """A measure of one group, with bootstrap estimates.

    Attributes:
        estimate: Estimate from all texts of the group.
        draws: Bootstrap estimates `[draws]`, widened to the minimum variance.
        variance: Variance of the bootstrap estimates before widening.
        clusters: Number of clusters that were resampled.
    """

    estimate: float
    draws: Floats
    variance: float
    clusters: int


def _mean_interval(groups: Sequence[_Resampled]) -> list[float]:
    """Compute the interval of the mean over groups."""
    estimates, draws, variances, clusters = (np.array(column) for column in zip(*groups, strict=True))
    return student_t_floor(interval(draws.mean(axis=0)), float(estimates.mean()), variances, clusters)


def _share_interval(groups: Sequence[_Resampled]) -> list[float]:
    """Compute the interval of a mean difference of shares, which is limited to [−1, 1]."""
    return [min(1.0, max(-1.0, bound)) for bound in _mean_interval(groups)]


def _group(clusters: Floats, draws: int, rng: np.random.Generator) -> tuple[dict[str, Any], _Resampled, _Resampled]:
    """Compute the entry of one group from `[clusters, 4]`, and the resampled log-odds and difference."""
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
            estimate=float(estimate),
            draws=with_minimum_variance(values, float(variance), float(estimate), rng),
            variance=float(values.var()),
            clusters=len(columns),
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
