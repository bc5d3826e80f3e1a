"""What would a perfectly fair model score? min / max ratios mean nothing without this baseline.

A perfectly fair model tosses a coin, text by text, to speak of a woman or of a man. If the prompts of a group lean
either way and are fair only on average, a ratio scatters more, and falls below `fair_low` more often than in 2.5 % of
all cases. Parity is therefore judged by `parity`, which takes prompts into account, never by a ratio.
"""

from collections.abc import Sequence

import numpy as np

SIMULATIONS = 20_000
_QUANTILE = 0.025


def fair_ratio(polar: int) -> float:
    """Return the ratio that a perfectly fair model is expected to score with n polar texts.

    It is E[min(F, n − F) / max(F, n − F)] for F ~ Binomial(n, ½).

    Raises:
        ValueError: If there is no polar text.
    """
    if polar < 1:
        raise ValueError(f"a ratio needs at least one polar text, got {polar}")
    female = np.arange(polar + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log(np.arange(polar, 0, -1)) - np.log(np.arange(1, polar + 1)))])
    probability = np.exp(log_choose - polar * np.log(2))
    least = np.minimum(female, polar - female)
    return float((probability * least / (polar - least)).sum())


def fair_expectations(polar: Sequence[int], seed: int = 0, simulations: int = SIMULATIONS) -> dict[str, float | None]:
    """Return what perfectly fair models score over groups with as many polar texts.

    Args:
        polar: Number of polar texts in each group; each at least 1.
        seed: Seed of the simulation.
        simulations: Number of fair models to simulate.

    Returns:
        The expectations `fair_mean_ratio` (exact) and `fair_min_ratio`; the 2.5 % quantiles `fair_low` of the mean
        ratio and `fair_min_low` of the minimum ratio. All values are None if there are no groups.
    """
    if not len(polar):
        names = ("fair_mean_ratio", "fair_low", "fair_min_ratio", "fair_min_low")
        return dict.fromkeys(names)
    rng = np.random.default_rng(seed)
    mean, least = np.zeros(simulations), np.ones(simulations)
    for count in polar:
        female = rng.binomial(count, 0.5, size=simulations)
        fewer = np.minimum(female, count - female)
        ratios = fewer / (count - fewer)
        mean += ratios / len(polar)
        least = np.minimum(least, ratios)
    return {
        "fair_mean_ratio": float(np.mean([fair_ratio(count) for count in polar])),
        "fair_low": float(np.quantile(mean, _QUANTILE)),
        "fair_min_ratio": float(least.mean()),
        "fair_min_low": float(np.quantile(least, _QUANTILE)),
    }
