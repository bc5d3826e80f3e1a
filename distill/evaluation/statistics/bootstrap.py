"""Cluster bootstrap: how much a measure would vary with other prompts or documents."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

DRAWS = 2000
NORMAL_QUANTILE = 1.959964
"""97.5 % of a normal distribution lie below this many standard deviations."""
_CHUNK = 2**21
"""Number of resampled clusters in memory at a time."""


def resampled_sums(values: NDArray[np.float64], draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Compute column sums of clusters sampled with replacement.

    n − 1 of n clusters are sampled and the sums are scaled by n / (n − 1), which makes the variance of a sum unbiased;
    the usual n would halve the variance of a group with two prompts. Source: Rao & Wu 1988, *Resampling Inference With
    Complex Survey Data*, JASA 83.

    Args:
        values: Contribution of each cluster to each sum, `[clusters, sums]`; at least two clusters.
        draws: Number of bootstrap draws.
        rng: Source of randomness.

    Returns:
        The resampled sums, `[draws, sums]`.

    Raises:
        ValueError: If there are fewer than two clusters.
    """
    clusters = len(values)
    if clusters < 2:
        raise ValueError(f"a bootstrap needs at least two clusters, got {clusters}")
    at_once = max(1, _CHUNK // clusters)
    sums = [_resampled_counts(clusters, min(at_once, draws - done), rng) @ values for done in range(0, draws, at_once)]
    return np.concatenate(sums) * (clusters / (clusters - 1))


def _resampled_counts(clusters: int, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Count how often each draw contains each cluster, `[draws, clusters]`: multiplying is faster than adding rows."""
    drawn = rng.integers(clusters, size=(draws, clusters - 1)) + clusters * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * clusters).reshape(draws, clusters).astype(np.float64)


def with_minimum_variance(
    estimates: NDArray[np.float64], variance: float, centre: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Widen bootstrap estimates `[draws]` to at least the given variance, and shift them to the given mean.

    If all clusters agree, resampling shows no spread at all; normal noise makes up the missing variance. Resampled
    log-odds are shrunk towards even odds once more than the estimate is; the shift undoes that.
    """
    missing = max(0.0, variance - estimates.var())
    estimates = estimates + rng.normal(0, np.sqrt(missing), size=len(estimates))
    return estimates - estimates.mean() + centre


def interval(estimates: NDArray[np.float64]) -> list[float]:
    """Return the central 95 % interval of bootstrap estimates `[draws]`, as [low, high]."""
    low, high = np.quantile(estimates, [0.025, 0.975])
    return [float(low), float(high)]


def student_t_floor(
    bounds: list[float], centre: float, variances: NDArray[np.float64], clusters: NDArray[np.float64]
) -> list[float]:
    """Widen the 95 % interval of a mean over groups to at least Student's t interval.

    Resamples of few clusters never leave the range of those clusters, and their variance is itself an estimate, with
    one degree of freedom less than there are clusters.

    Source: Satterthwaite 1946, *An Approximate Distribution of Estimates of Variance Components*, for the degrees of
    freedom of a mean over groups.

    Args:
        bounds: Bootstrap interval, [low, high].
        centre: The estimate.
        variances: Bootstrap variance of each group's estimate, `[groups]`.
        clusters: Number of clusters in each group, `[groups]`.

    Returns:
        The interval, [low, high].
    """
    variance = variances.sum()
    if variance == 0:
        return bounds
    freedom = variance**2 / (variances**2 / np.maximum(clusters - 1, 1)).sum()
    reach = float(student_quantile(freedom) * np.sqrt(variance) / len(variances))
    return [min(bounds[0], centre - reach), max(bounds[1], centre + reach)]


def student_quantile(freedom: float) -> float:
    """Return the 97.5 % quantile of Student's t."""
    return float(stdtrit(freedom, 0.975))


def ratio_interval(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    seed: int,
    transform: Callable[[NDArray[np.float64]], NDArray[np.float64]] = lambda ratio: ratio,
    draws: int = DRAWS,
) -> list[float] | None:
    """Compute the 95 % interval of transform(Σ numerators / Σ denominators) over clusters.

    Before the transform, the interval is at least as wide as Student's t interval.

    Args:
        numerators: Numerator of each cluster, `[clusters]`.
        denominators: Denominator of each cluster, `[clusters]`; not negative.
        seed: Seed of the resampling.
        transform: Increasing function applied to both bounds, such as `np.exp` for a perplexity.
        draws: Number of bootstrap draws.

    Returns:
        [low, high], or None if fewer than two clusters have a positive denominator, so that the spread is unknown.
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
