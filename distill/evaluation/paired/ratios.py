"""The difference between two models in a ratio of sums, from clusters that both share.

Whatever makes a document or a prompt hard affects both models and cancels. Clusters are resampled for both together.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.statistics.bootstrap import DRAWS, NORMAL_QUANTILE, interval, resampled_sums, student_t_floor

Floats = NDArray[np.float64]

_Z2 = NORMAL_QUANTILE**2


class Difference(NamedTuple):
    """Two ratios of sums, and by how much they differ.

    Attributes:
        baseline: Ratio of the first model.
        value: Ratio of the second model.
        low: Lower bound of the 95 % interval of value − baseline, or of log(value / baseline).
        high: Its upper bound.
        clusters: Number of clusters that the interval is based on.
    """

    baseline: float
    value: float
    low: float
    high: float
    clusters: int


def paired_difference(
    clusters: Floats,
    strata: NDArray[np.int64] | None = None,
    counts: bool = False,
    logarithmic: bool = False,
    seed: int = 0,
    draws: int = DRAWS,
) -> Difference | None:
    """Compare Σ numerators / Σ denominators of two models.

    The interval comes from a bootstrap over clusters, within strata, and is at least as wide as Student's t interval
    for the linearised difference, also when that is moved by as much as skewed clusters require. If few texts make the
    difference, resamples show hardly any spread: for counts, it is therefore at least as wide as the 95 % bound of a
    rate of which no case was seen, z² / n.

    Source: for the linearisation, Cochran 1977, *Sampling Techniques*, 6.4 and 6.11; for the skewness, Johnson 1978,
    *Modified t Tests and Confidence Intervals for Asymmetrical Populations*, JASA 73; for z² / n, Wilson 1927.

    Args:
        clusters: Numerator and denominator of the first model, and of the second, `[clusters, 4]`.
        strata: The stratum of each cluster, such as a profession, `[clusters]`; None for a single one. Strata of one
            cluster form a common one.
        counts: Whether numerators count units of the denominators, so that the ratios are shares.
        logarithmic: Whether to compare the logarithms of the ratios.
        seed: Seed of the resampling.
        draws: Number of bootstrap draws.

    Returns:
        The difference; None if it is undefined, or if there are fewer than two clusters.
    """
    used = clusters[:, [1, 3]].any(axis=1)
    values = clusters[used]
    groups = _groups(np.zeros(len(values), dtype=np.int64) if strata is None else strata[used])
    sums = values.sum(axis=0)
    if len(values) < 2 or not (sums[[1, 3]] > 0).all() or (logarithmic and not (sums > 0).all()):
        return None
    ratios = sums[[0, 2]] / sums[[1, 3]]
    centre = float(np.diff(np.log(ratios) if logarithmic else ratios)[0])
    residuals = (values[:, [0, 2]] - ratios * values[:, [1, 3]]) / sums[[0, 2] if logarithmic else [1, 3]]
    errors = residuals[:, 1] - residuals[:, 0]
    sizes = np.array([len(group) for group in groups], dtype=np.float64)
    variances = np.array([errors[group].var(ddof=1) * len(group) for group in groups])
    bounds = interval(_resampled(values, groups, logarithmic, seed, draws))
    # The function expects a mean over strata, and this is a sum.
    low, high = student_t_floor(bounds, centre, variances * len(groups) ** 2, sizes)
    shift = _shift([errors[group] for group in groups], float(variances.sum()))
    low, high = min(low, low + shift), max(high, high + shift)
    if counts:
        reach = _Z2 / float((sums[[0, 2]] if logarithmic else sums[[1, 3]]).min())
        low, high = min(low, centre - reach), max(high, centre + reach)
    return Difference(float(ratios[0]), float(ratios[1]), low, high, len(values))


def _shift(errors: list[Floats], variance: float) -> float:
    """Return how far skewed errors of clusters, by stratum, move the bounds of an interval for their sum."""
    third = float(sum(((of_stratum - of_stratum.mean()) ** 3).sum() for of_stratum in errors))
    return third / variance * (1 + 2 * _Z2) / 6 if variance > 0 else 0.0


def _groups(strata: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Return the places of each stratum's clusters, at least two in each if there are two at all."""
    _, codes, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    alone = sizes[codes] == 1
    if alone.sum() == 1:  # it joins the smallest of the others
        alone |= codes == np.argmin(np.where(sizes > 1, sizes, len(codes) + 1))
    codes = np.where(alone, len(sizes), codes)
    return [np.flatnonzero(codes == code) for code in np.unique(codes)]


def _resampled(values: Floats, groups: list[NDArray[np.intp]], logarithmic: bool, seed: int, draws: int) -> Floats:
    """Return the differences of resampled ratios, without those that are undefined, `[draws]`."""
    rng = np.random.default_rng(seed)
    sums = np.sum([resampled_sums(values[group], draws, rng) for group in groups], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = sums[:, [0, 2]] / sums[:, [1, 3]]
        moved = np.diff(np.log(ratios) if logarithmic else ratios, axis=1)[:, 0]
    return moved[np.isfinite(moved)]
