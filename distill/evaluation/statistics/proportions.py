"""Confidence intervals of proportions."""

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.statistics.bootstrap import DRAWS, NORMAL_QUANTILE, ratio_interval


def wilson(successes: float, trials: float) -> list[float]:
    """Return the 95 % interval of a proportion over independent trials, as [low, high].

    Source: Wilson 1927, *Probable Inference, the Law of Succession, and Statistical Inference*.
    """
    z = NORMAL_QUANTILE
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    reach = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return [max(0.0, float(centre - reach)), min(1.0, float(centre + reach))]


def clustered_interval(
    successes: NDArray[np.float64], trials: NDArray[np.float64], seed: int, draws: int = DRAWS
) -> list[float] | None:
    """Compute the 95 % interval of a proportion whose trials come in clusters, such as the samples of a prompt.

    It comes from a bootstrap over clusters, because trials of one cluster are not independent, but is at least as wide
    as Wilson's interval, because resamples show no spread if all trials agree.

    Args:
        successes: Number of successes of each cluster, or their share in its only trial, `[clusters]`.
        trials: Number of trials of each cluster, `[clusters]`.
        seed: Seed of the resampling.
        draws: Number of bootstrap draws.

    Returns:
        [low, high], or None if fewer than two clusters have trials.
    """
    bounds = ratio_interval(successes, trials, seed, draws=draws)
    if bounds is None:
        return None
    independent = wilson(float(successes.sum()), float(trials.sum()))
    return [max(0.0, min(bounds[0], independent[0])), min(1.0, max(bounds[1], independent[1]))]
