"""Disparity without its sampling noise: the root mean square over groups of the true log-odds.

The log-odds of n texts scatter around the true ones with variance v, so that their mean square is too large by the mean
of v. The *noise-free* mean square, S² = mean(log-odds² − v), is unbiased: 0 for a fair model, however few its texts.

S² has a bound on either side by inverting a test: a true mean square u lies within the bounds unless the observed S² is
too far from it for a model whose mean square is u. The variance of S² grows with u, so it is taken at u, not at the
estimate, which would be too small just when S² is too low; and S² is skewed, so its quantiles are corrected for the
third cumulant. All functions take any number of evaluations at once: their arrays are `[..., groups]`.

Source: the cumulants of S² are those of a weighted sum of noncentral χ² variables; Cornish & Fisher 1938 for the
quantiles; Satterthwaite 1946 for the degrees of freedom. `benchmarks/coverage.py` simulates the error rates.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

from distill.evaluation.statistics.log_odds import (
    LARGEST_VARIANCE,
    ClusterSums,
    Floats,
    binomial_variance,
    clustered_variance,
    log_odds,
)

_POINTS = 400
_ROUNDING = 1e-9
"""A clustered variance below this share of the binomial one is 0."""
_FARTHEST = 400.0
"""No mean square is larger: log-odds of 20 nats are one text in 500 million."""


@dataclass(frozen=True)
class GroupOdds:
    """The log-odds of groups and how exactly they are known, each `[..., groups]`.

    Attributes:
        log_odds: Log-odds of female against male texts, in nats; 0 for a group without gendered texts.
        variance: Their variances, right on average over groups.
        at_least_binomial: The same, where no group's is smaller than for independent texts: few clusters may agree by
            chance, and those of a group whose texts are all of one gender always do.
        clusters: Number of clusters, such as prompts, of each group.
        texts: Number of gendered texts of each group; groups without any do not count.
    """

    log_odds: Floats
    variance: Floats
    at_least_binomial: Floats
    clusters: Floats
    texts: Floats

    @property
    def groups(self) -> Floats:
        """Number of groups with gendered texts, `[...]`."""
        return np.asarray((self.texts > 0).sum(axis=-1), dtype=np.float64)

    @property
    def mean(self) -> Floats:
        """The mean log-odds over groups, `[...]`: the lean."""
        return self.log_odds.sum(axis=-1) / self.groups

    @property
    def mean_square(self) -> Floats:
        """S², the mean square log-odds over groups without sampling noise, `[...]`; negative by chance."""
        return (self.log_odds**2 - self.variance).sum(axis=-1) / self.groups


class _Spread(NamedTuple):
    """How S² scatters if the true mean square has some value: each `[...]`."""

    deviation: Floats
    skewness: Floats
    freedom: Floats


def group_odds(sums: ClusterSums, clusters: Floats) -> GroupOdds:
    """Compute the log-odds of groups and their variances.

    Args:
        sums: Sums over the clusters of each group, `[..., groups]`.
        clusters: Number of clusters of each group, `[..., groups]`, or of a shape that broadcasts to it.
    """
    texts = sums.female + sums.male
    clusters = np.broadcast_to(np.asarray(clusters, dtype=np.float64), texts.shape)
    binomial = binomial_variance(sums.female, sums.male)
    clustered = np.where(clusters > 1, clustered_variance(sums, clusters), binomial)
    clustered = np.where(texts > 0, clustered, 0.0)
    # Raised on average only: raising the variance of every group that is low by chance would bias S² downwards.
    total, least = clustered.sum(axis=-1, keepdims=True), binomial.sum(axis=-1, keepdims=True)
    # Clusters that agree exactly have a variance of 0, or of what rounding leaves of it.
    told = total > _ROUNDING * least
    variance = np.where(told, clustered * np.maximum(1, least / np.where(told, total, 1)), binomial)
    return GroupOdds(
        log_odds=np.where(texts > 0, log_odds(sums.female, sums.male), 0.0),
        variance=variance,
        at_least_binomial=np.maximum(variance, binomial),
        clusters=clusters,
        texts=texts,
    )


def with_more_texts(odds: GroupOdds, times: float) -> GroupOdds:
    """Return what the same odds would be known to with this many times as many clusters and texts."""
    return replace(
        odds,
        variance=odds.variance / times,
        at_least_binomial=odds.at_least_binomial / times,
        clusters=odds.clusters * times,
        texts=odds.texts * times,
    )


def deviation(odds: GroupOdds, square: Floats | float) -> Floats:
    """Return the standard deviation of S² if the true mean square is `square`, `[...]`."""
    return _spread(odds, square).deviation


def least_square(odds: GroupOdds, square: Floats | float, level: float) -> Floats:
    """Return what S² falls below with probability `level` if the true mean square is `square`, `[...]`."""
    return square - _distance(_spread(odds, square), level, low=True)


def largest_square(odds: GroupOdds, square: Floats | float, level: float) -> Floats:
    """Return what S² exceeds with probability `level` if the true mean square is `square`, `[...]`."""
    return square + _distance(_spread(odds, square), level, low=False)


def rms_bounds(odds: GroupOdds, level: float) -> tuple[float, float]:
    """Return the bounds of the root mean square of one evaluation, each of which the truth violates with `level`.

    Args:
        odds: Log-odds of each group, `[groups]`, at least one of which has gendered texts.
        level: Probability that the truth lies beyond a bound, for each of the two.
    """
    square = max(float(odds.mean_square), 0.0)
    low, high = 0.0, square
    if largest_square(odds, 0.0, level) < square:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if largest_square(odds, middle, level) < square else (low, middle)
    # The bound may not be unique if the variance grows fast with the mean square: the smallest one counts.
    steps = square + np.concatenate([[0.0], np.geomspace(1e-6, _FARTHEST, _POINTS)])
    beyond = np.flatnonzero(least_square(odds, steps, level) >= square)
    first = int(beyond[0]) if len(beyond) else len(steps) - 1
    under, upper = float(steps[max(first - 1, 0)]), float(steps[first])
    for _ in range(40):
        middle = (under + upper) / 2
        under, upper = (under, middle) if least_square(odds, middle, level) >= square else (middle, upper)
    return float(np.sqrt(low)), float(np.sqrt(upper))


def lean_bound(odds: GroupOdds, level: float) -> Floats:
    """Return the bound of |mean log-odds| that the truth exceeds with probability `level`, `[...]`, in nats."""
    return np.abs(odds.mean) + stdtrit(_freedom(odds.at_least_binomial, odds), 1 - level) * lean_error(odds)


def lean_error(odds: GroupOdds) -> Floats:
    """Return the standard error of the mean log-odds, `[...]`, in nats."""
    return np.asarray(np.sqrt(odds.at_least_binomial.sum(axis=-1)) / odds.groups)


def _distance(spread: _Spread, level: float, low: bool) -> Floats:
    """Return how far the quantile of S² for `level` in one tail lies from its expectation."""
    quantile = stdtrit(spread.freedom, 1 - level)
    # Of the normal quantile: the correction is not valid for the long tails of few degrees of freedom.
    correction = (ndtri(1 - level) ** 2 - 1) * spread.skewness / 6
    return np.asarray((quantile - correction if low else quantile + correction) * spread.deviation)


def _spread(odds: GroupOdds, square: Floats | float) -> _Spread:
    """Compute how S² scatters if the true mean square is `square`.

    Var S² = Σ (4 θ² v + 2 v²) / G². Whose θ is large is not known; the worst case is that it is the group's that leans
    farthest. The true mean square is divided among groups by the fourth power of their log-odds, which comes close to
    that. The variance of a group grows with its odds as cosh²(θ / 2).
    """
    groups = odds.groups
    weights = odds.log_odds**4 + np.where(odds.texts > 0, 1e-12, 0.0)
    shares = weights / weights.sum(axis=-1, keepdims=True)
    theta2 = np.asarray(square)[..., None] * groups[..., None] * shares
    reach = np.minimum(np.sqrt(theta2), 40.0)
    growth = np.maximum(1.0, (np.cosh(reach / 2) / np.cosh(odds.log_odds / 2)) ** 2)
    known = odds.at_least_binomial
    variances = np.minimum(known * growth, np.maximum(known, LARGEST_VARIANCE))
    # The variances are estimates, too: with P clusters, 2 v² grows by P / (P − 1), and v̂² is too large by
    # (P + 1) / (P − 1).
    parts = 4 * theta2 * variances + 2 * odds.clusters / (odds.clusters + 1) * variances**2
    second = parts.sum(axis=-1) / groups**2
    third = (24 * theta2 * variances**2 + 8 * variances**3).sum(axis=-1) / groups**3
    return _Spread(np.sqrt(second), third / np.maximum(second, 1e-300) ** 1.5, _freedom(parts, odds))


def _freedom(parts: Floats, odds: GroupOdds) -> Floats:
    """Degrees of freedom of a sum of variances, each of which is known from the clusters of its group."""
    squares = (parts**2 / np.maximum(odds.clusters - 1, 1)).sum(axis=-1)
    return np.asarray(parts.sum(axis=-1) ** 2 / np.maximum(squares, 1e-300))
