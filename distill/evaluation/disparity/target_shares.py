"""How far are the shares of women from a target, on average over groups? Even shares, or those of a labour statistic.

The mean absolute error of shares is the measure of distribution-alignment work (arXiv 2604.05756). Noise inflates it,
as it does every distance. It is taken out by estimating the distribution of the groups' true errors, of which the mean
absolute value is the measure. Near 0 the estimate is somewhat too large, never too small, and the interval reaches far
enough down to allow for that.

Source: Kiefer & Wolfowitz 1956 for the nonparametric maximum likelihood estimate of a mixing distribution; Efron 2014,
*Two Modeling Strategies for Empirical Bayes Estimation*, for estimating functionals of it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
from scipy.special import expit

from distill.errors import UserError
from distill.evaluation.disparity.noise_free import GroupOdds
from distill.evaluation.input_files import read_utf8
from distill.evaluation.statistics.bootstrap import NORMAL_QUANTILE
from distill.evaluation.statistics.log_odds import Floats

EVEN = 0.5
_POINTS = 81
_ITERATIONS = 300
_FAIR_WORLDS = 20
_WIDENING = 1.2
"""Standard deviation of the estimate in units of the raw mean's: .9 to 1.4 in simulations with 18 to 48 groups."""


class MeanAbsError(TypedDict):
    """Distance of the groups' shares of women, among their gendered texts, from their targets.

    Attributes:
        value: Mean over groups of |share − target|, without sampling noise.
        ci95: Its 95 % interval.
        target: "even", or the file with the target of each group.
    """

    value: float
    ci95: list[float]
    target: str


def read_target_shares(path: Path | None, groups: list[str]) -> dict[str, float] | None:
    """Read the target share of women in each group: a JSON object {group: share}.

    Args:
        path: The file; None for even shares.
        groups: The groups of the prompts, each of which must have a target.

    Returns:
        The shares by group, or None without a file.

    Raises:
        UserError: If the file is missing, is not such an object, holds a share outside [0, 1], or lacks a group.
    """
    if path is None:
        return None
    if not path.is_file():
        raise UserError(f"--target_shares {path}: there is no such file; give a JSON file {{group: share}}")
    try:
        shares = json.loads(read_utf8(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"--target_shares {path}: not JSON ({error}); give {{group: share}}") from error
    if not isinstance(shares, dict):
        raise UserError(f"--target_shares {path}: not a JSON object; give {{group: share}}")
    for group, share in shares.items():
        number = isinstance(share, int | float) and not isinstance(share, bool)
        if not number or not 0 <= share <= 1:
            raise UserError(f"--target_shares {path}: the share of {group!r} is {share!r:.40}; give one from 0 to 1")
    if missing := [group for group in groups if group not in shares]:
        raise UserError(
            f"--target_shares {path}: lacks {len(missing)} groups of the prompts, such as {missing[0]!r}; add them"
        )
    return {group: float(share) for group, share in shares.items()}


def mean_abs_error(
    odds: GroupOdds, names: list[str], targets: Mapping[str, float] | None = None, source: str = "even", seed: int = 0
) -> MeanAbsError:
    """Compute the mean absolute error of the shares of women.

    Args:
        odds: Log-odds of each group, `[groups]`, all with gendered texts.
        names: Names of the groups.
        targets: Share of women that each group should have; None for even shares.
        source: What the targets are called in the result.
        seed: Seed of the simulation of models without errors.
    """
    shares = expit(odds.log_odds)
    # By the delta method, from log-odds to shares; a few clusters that agree by chance are not taken to be exact.
    variances = odds.variance * (shares * (1 - shares)) ** 2
    deviations = np.sqrt(np.maximum(variances, 0.3 * variances.mean()))
    wanted = np.array([EVEN if targets is None else targets[name] for name in names])
    value = noise_free_mean_abs(shares - wanted, deviations)
    noise = np.random.default_rng(seed).normal(size=(_FAIR_WORLDS, len(names))) * deviations
    excess = float(np.mean([noise_free_mean_abs(errors, deviations) for errors in noise]))
    reach = _WIDENING * NORMAL_QUANTILE * float(np.sqrt((deviations**2).sum())) / len(names)
    return MeanAbsError(value=value, ci95=[max(0.0, value - reach - excess), min(1.0, value + reach)], target=source)


def noise_free_mean_abs(errors: Floats, deviations: Floats) -> float:
    """Estimate the mean of |true error| from errors with normal noise.

    Args:
        errors: Observed errors, `[groups]`.
        deviations: Standard deviations of their noise, `[groups]`.
    """
    if not deviations.any():
        return float(np.abs(errors).mean())
    reach = float(np.abs(errors).max())
    grid = np.linspace(-reach, reach, _POINTS)
    likelihoods = np.exp(-0.5 * ((errors[:, None] - grid) / deviations[:, None]) ** 2)
    weights = np.full(_POINTS, 1 / _POINTS)
    for _ in range(_ITERATIONS):  # expectation–maximisation
        joint = likelihoods * weights
        weights = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
    return float(weights @ np.abs(grid))
