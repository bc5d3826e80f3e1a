"""Paired permutation test for a difference between two models: swap which of them continued a prompt.

If it makes no difference which model wrote a text, every swap is as likely as the observation, and the test has exactly
its nominal level for any number of texts. The statistics are studentised in every permutation, and the sampling noise
is subtracted from the disparity, so that this nearly holds if the models differ in something that is not tested. If
they differ in how often they speak of gender, it holds only if no group has many texts of one model and few of the
other: see `compare`. `benchmarks/coverage.py` measures the actual levels.

Source: Janssen 1997, *Studentized permutation tests for non-i.i.d. hypotheses*; Chung & Romano 2013, arXiv 1304.5939.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.statistics.log_odds import ClusterSums, binomial_variance, clustered_variance, log_odds

Floats = NDArray[np.float64]

_CHUNK = 2**21
"""Number of swaps in memory at a time."""


@dataclass(frozen=True)
class PValues:
    """Two-sided p values for the hypothesis that two models do not differ.

    Attributes:
        disparity: For the mean square log-odds over groups, without sampling noise.
        log_odds: For the mean log-odds over groups.
        by_group: For the log-odds of each group, `[groups]`, not corrected for multiple testing.
    """

    disparity: float
    log_odds: float
    by_group: Floats


class _Odds(NamedTuple):
    """Log-odds of both models in a group, their variances and covariance, each `[permutations]`."""

    first: Floats
    second: Floats
    first_variance: Floats
    second_variance: Floats
    covariance: Floats


def permutation_test(clusters: list[Floats], draws: int, rng: np.random.Generator) -> PValues:
    """Test two models for differences.

    Args:
        clusters: For each group `[prompts, 4]`: the number of female and male texts of the first and the second model.
        draws: Number of random permutations.
        rng: Source of randomness.
    """
    sums = [_permuted_sums(group, draws, rng) for group in clusters]
    odds = [_odds(group, len(counts)) for group, counts in zip(sums, clusters, strict=True)]
    first, second, first_variance, second_variance, covariance = (
        np.stack(column) for column in zip(*odds, strict=True)
    )
    difference, total = second - first, second + first
    of_difference = np.maximum(first_variance + second_variance - 2 * covariance, 0)
    of_total = first_variance + second_variance + 2 * covariance
    between = second_variance - first_variance
    # first² − second² is their difference times their sum; this is the variance of a product of two normal variables,
    # without the part that estimated means would count twice.
    noise = of_total * of_difference + between**2
    product = total**2 * of_difference + difference**2 * of_total + 2 * total * difference * between - noise
    squares = (total * difference - between).sum(axis=0)
    return PValues(
        disparity=float(_p(_studentised(squares, np.maximum(product.sum(axis=0), noise.sum(axis=0))))),
        log_odds=float(_p(_studentised(difference.sum(axis=0), of_difference.sum(axis=0)))),
        # Random permutations may fall below the smallest p value that is possible.
        by_group=np.maximum(_p(_studentised(difference, of_difference)), [least_p(len(group)) for group in clusters]),
    )


def least_p(clusters: int) -> float:
    """Return the smallest possible p value for n clusters: of 2ⁿ swaps, swapping all is as extreme as swapping none."""
    return 2.0 ** (1 - clusters)


def holm(p: Floats) -> Floats:
    """Adjust p values `[tests]` for multiple testing.

    Source: Holm 1979, *A Simple Sequentially Rejective Multiple Test Procedure*.
    """
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty_like(p)
    result[order] = np.minimum(adjusted, 1)
    return result


def _permuted_sums(clusters: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Compute the sums behind the log-odds and their variances: observed in the first row, permuted in the others.

    Returns:
        `[1 + draws, 14]`: Σ f, Σ m, Σ f², Σ fm, Σ m² of the first model and Σ fm′ with the m of the other; the same
        for the second model; and Σ ff′ and Σ mm′.
    """
    first, second = clusters[:, :2].T, clusters[:, 2:].T
    ones, others = (
        np.stack([f, m, f * f, f * m, m * m, f * other]) for (f, m), other in ((first, second[1]), (second, first[1]))
    )
    both = ones.sum(axis=1) + others.sum(axis=1)
    at_once = max(1, _CHUNK // len(clusters))
    kept = [ones.sum(axis=1, keepdims=True).T]
    for done in range(0, draws, at_once):
        stays = rng.integers(2, size=(min(at_once, draws - done), len(clusters))).astype(np.float64)
        kept.append(stays @ (ones - others).T + others.sum(axis=1))
    sums = np.concatenate(kept)
    shared = np.array([(first[0] * second[0]).sum(), (first[1] * second[1]).sum()])
    return np.column_stack([sums, both - sums, np.broadcast_to(shared, (len(sums), 2))])


def _odds(sums: Floats, prompts: int) -> _Odds:
    """Compute log-odds, variances and covariance by the delta method over prompts, with at least binomial variances."""
    f, m, ff, fm, mm, cross, f2, m2, ff2, fm2, mm2, cross2, both_f, both_m = sums.T
    by_f, by_m, by_f2, by_m2 = (1 / (count + 0.5) for count in (f, m, f2, m2))
    centre, centre2 = f * by_f - m * by_m, f2 * by_f2 - m2 * by_m2
    scale, clusters = prompts / (prompts - 1), np.array(float(prompts))
    first = np.maximum(clustered_variance(ClusterSums(f, m, ff, fm, mm), clusters), binomial_variance(f, m))
    second = np.maximum(clustered_variance(ClusterSums(f2, m2, ff2, fm2, mm2), clusters), binomial_variance(f2, m2))
    products = both_f * by_f * by_f2 - cross * by_f * by_m2 - cross2 * by_f2 * by_m + both_m * by_m * by_m2
    covariance = scale * (products - centre * centre2 / prompts)
    return _Odds(log_odds(f, m), log_odds(f2, m2), first, second, covariance)


def _studentised(statistic: Floats, variance: Floats) -> Floats:
    return np.where(statistic != 0, statistic / np.sqrt(np.where(variance > 0, variance, 1)), 0.0)


def _p(statistics: Floats) -> Floats:
    """Return the share of permutations `[..., 1 + draws]` at least as far from 0 as the first, which was observed."""
    distance = np.abs(statistics)
    return (distance >= distance[..., :1] * (1 - 1e-9)).mean(axis=-1)
