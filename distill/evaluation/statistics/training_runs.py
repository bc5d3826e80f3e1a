"""Intervals over training runs: the runs are few, so that Student's t decides.

Each run is one draw: another seed changes initialisation, order of the data and generation. Figures of a run are taken
as they are; how precisely each was measured is not asked, except as far as it makes the runs differ.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit


class Mean(NamedTuple):
    """A mean over runs, or a difference of two means.

    Attributes:
        value: The mean.
        ci95: Its two-sided 95 % interval.
        lower: Its one-sided 95 % lower bound.
        upper: Its one-sided 95 % upper bound.
    """

    value: float
    ci95: tuple[float, float]
    lower: float
    upper: float


def mean_over_runs(values: Sequence[float]) -> Mean:
    """Compute the mean of a figure over runs, with Student's t bounds on (runs − 1) degrees of freedom.

    For paired runs, give the differences of the pairs.

    Raises:
        ValueError: If there are fewer than two runs.
    """
    if len(values) < 2:
        raise ValueError(f"an interval over runs needs at least two, got {len(values)}")
    return _bounds(float(np.mean(values)), _squared_error(values), len(values) - 1)


def difference_over_runs(baseline: Sequence[float], other: Sequence[float]) -> Mean:
    """Compute the difference of the means of two sets of runs that are not paired, other − baseline.

    Source: Welch 1947, *The Generalization of “Student's” Problem when Several Different Population Variances are
    Involved*, Biometrika 34.

    Raises:
        ValueError: If one has fewer than two runs.
    """
    if min(len(baseline), len(other)) < 2:
        raise ValueError(f"an interval over runs needs at least two of each, got {len(baseline)} and {len(other)}")
    errors = [_squared_error(values) for values in (baseline, other)]
    total = sum(errors)
    of_each = sum(error**2 / (len(values) - 1) for error, values in zip(errors, (baseline, other), strict=True))
    freedom = total**2 / of_each if of_each else min(len(baseline), len(other)) - 1
    return _bounds(float(np.mean(other) - np.mean(baseline)), total, freedom)


def _squared_error(values: Sequence[float]) -> float:
    return float(np.var(values, ddof=1) / len(values))


def _bounds(value: float, squared_error: float, freedom: float) -> Mean:
    error = sqrt(squared_error)
    reach, one_sided = (float(stdtrit(freedom, level)) * error for level in (0.975, 0.95))
    return Mean(value, (value - reach, value + reach), value - one_sided, value + one_sided)
