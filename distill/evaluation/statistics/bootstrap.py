"""Resample clusters of observations, to estimate how a measure would vary with other prompts or documents."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
_CHUNK = 2**21
"""Drawn clusters held in memory at a time."""
_STUDENT = (
    [0, 1 / 120, 1 / 60, 1 / 30, 1 / 20, 1 / 15, 1 / 12, 1 / 10, 1 / 8, 1 / 7, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2, 1],
    [1.960, 1.980, 2.000, 2.042, 2.086, 2.131, 2.179, 2.228, 2.306, 2.365, 2.447, 2.571, 2.776, 3.182, 4.303, 12.706],
)
"""1 / degrees of freedom, and the 97.5 % point."""


def resampled_sums(values: NDArray[np.float64], draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Column sums of clusters drawn with replacement.

    n − 1 of n clusters are drawn and the sums scaled by n / (n − 1), which makes the variance of a sum unbiased;
    drawing n, as is usual, halves it where a group has two prompts. Source: Rao & Wu 1988, *Resampling Inference With
    Complex Survey Data*, JASA 83.

    Args:
        values: What each cluster adds to each sum, `[clusters, sums]`; at least two clusters.
        draws: How often to resample.
        rng: Source of randomness.

    Returns:
        `[draws, sums]`.
    """
    clusters = len(values)
    if clusters < 2:
        raise ValueError(f"a bootstrap needs at least two clusters, got {clusters}")
    taken = clusters - 1
    at_once = max(1, _CHUNK // clusters)
    sums = [_times_drawn(clusters, min(at_once, draws - done), rng) @ values for done in range(0, draws, at_once)]
    return np.concatenate(sums) * (clusters / taken)


def _times_drawn(clusters: int, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each cluster is among the n − 1 of a draw, `[draws, clusters]`: faster to multiply than rows to add."""
    drawn = rng.integers(clusters, size=(draws, clusters - 1)) + clusters * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * clusters).reshape(draws, clusters).astype(np.float64)


def with_minimum_variance(
    estimates: NDArray[np.float64], variance: float, centre: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Bootstrap estimates `[draws]` of at least this variance, moved to this mean.

    Clusters that all agree would resample to no spread at all; what is missing is made up by normal noise. Resampled
    log-odds are shrunk towards even odds once more than the estimate is, so that they are moved to it.
    """
    missing = max(0.0, variance - estimates.var())
    estimates = estimates + rng.normal(0, np.sqrt(missing), size=len(estimates))
    return estimates - estimates.mean() + centre


def interval(estimates: NDArray[np.float64]) -> list[float]:
    """The central 95 % of bootstrap estimates `[draws]`: [low, high]."""
    low, high = np.quantile(estimates, [0.025, 0.975])
    return [float(low), float(high)]


def student_t_floor(
    bounds: list[float], centre: float, variances: NDArray[np.float64], clusters: NDArray[np.float64]
) -> list[float]:
    """A 95 % interval of a mean over groups, moved apart to Student's where it is narrower.

    Resamples of few clusters lie between the least and the greatest, and know of none beyond; their variance is itself
    an estimate, from as many clusters less one.

    Args:
        bounds: [low, high] by the bootstrap.
        centre: The estimate.
        variances: Of each group's estimate, by the bootstrap, `[groups]`.
        clusters: Of each group, `[groups]`.

    Source: Satterthwaite 1946, *An Approximate Distribution of Estimates of Variance Components*, for the degrees of
    freedom of a mean over groups.
    """
    variance = variances.sum()
    if variance == 0:
        return bounds
    freedom = variance**2 / (variances**2 / np.maximum(clusters - 1, 1)).sum()
    reach = float(student_quantile(freedom) * np.sqrt(variance) / len(variances))
    return [min(bounds[0], centre - reach), max(bounds[1], centre + reach)]


def student_quantile(freedom: float) -> float:
    """The 97.5 % point of Student's t; between two degrees of freedom of the table it is never too small."""
    return float(np.interp(1 / freedom, *_STUDENT))


def ratio_interval(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    seed: int,
    transform: Callable[[NDArray[np.float64]], NDArray[np.float64]] = lambda ratio: ratio,
    draws: int = DRAWS,
) -> list[float] | None:
    """95 % interval of transform(Σ numerators / Σ denominators) over clusters, before transform at least Student's.

    Args:
        numerators: Per cluster, `[clusters]`.
        denominators: Per cluster, `[clusters]`; not negative.
        seed: Seed of the resampling.
        transform: Applied to both ends, such as `np.exp` for a perplexity; increasing.
        draws: How often to resample.

    Returns:
        [low, high], or None where fewer than two clusters have a denominator: nothing is known of the spread then.
    """
    filled = denominators > 0
    if filled.sum() < 2:
        return None
    values = np.stack([numerators[filled], denominators[filled]], axis=1)
    sums = resampled_sums(values, draws, np.random.default_rng(seed))
    ratios = sums[:, 0] / sums[:, 1]
    estimate = float(values[:, 0].sum() / values[:, 1].sum())
    bounds = student_t_floor(interval(ratios), estimate, np.array([ratios.var()]), np.array([len(values)]))
    return transform(np.array(bounds)).tolist()
