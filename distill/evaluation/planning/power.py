"""Power of the tests of an evaluation: what they find in 80 % of all cases, from the number of texts alone.

All functions take the texts of a group to be independent. Prompts of one group that lean to different sides make them
less than that: if log-odds vary `design effect` times as much, as many times the texts are needed. 1.2 to 1.4 were
measured for a small model of real text with three gendered texts per prompt.
"""

import math

import numpy as np
from scipy.special import ndtri

from distill.evaluation.disparity.noise_free import GroupOdds, largest_square, least_square
from distill.evaluation.disparity.parity import LEVEL, POWER

_MOST = 10_000_000
_BASELINE = 1.0
"""Root mean square log-odds of the model of which a part is to be removed: about that of GPT-2 on professions."""


def gendered_texts_to_show_parity(groups: int, prompts: int, margin: float) -> int | None:
    """Return how many gendered texts a group show parity of a perfectly fair model with a probability of `POWER`.

    Args:
        groups: Number of groups.
        prompts: Prompts of a group.
        margin: Margin in nats.

    Returns:
        The number; None if no reasonable number of texts is enough.
    """

    def enough(texts: int) -> bool:
        odds = _expected_odds(groups, prompts, texts)
        if math.log(2 * texts + 1) < margin * math.sqrt(groups):
            return False
        return bool(least_square(odds, margin**2, LEVEL) >= largest_square(_fair(odds), 0.0, 1 - POWER))

    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def smallest_reduction(groups: int, gendered: float) -> float | None:
    """Return the smallest share of a disparity whose removal the paired test finds with a probability of `POWER`.

    Args:
        groups: Number of groups.
        gendered: Gendered texts of a group, of either model.

    Returns:
        The share of the root mean square log-odds, of a baseline that has 1; None if not even the removal of all of it
        would be found.
    """
    shares = np.linspace(0.01, 1.0, 100)
    scores = np.array([_reduction_score(groups, gendered, float(share)) for share in shares])
    needed = ndtri(1 - LEVEL / 2) + ndtri(POWER)
    found = np.flatnonzero(scores >= needed)
    return float(shares[found[0]]) if len(found) else None


def smallest_coherence_drop(gendered: float, coherence: float = 0.95) -> float | None:
    """Return the smallest drop of the coherence that is found with a probability of `POWER`.

    Args:
        gendered: Gendered continuations of the openings of the coherence measure, of either model.
        coherence: Coherence of the baseline.

    Returns:
        The drop; None if not even the loss of half of it would be found.
    """
    needed = ndtri(1 - LEVEL / 2) + ndtri(POWER)
    for drop in np.linspace(0.005, 0.5, 100):
        variance = coherence * (1 - coherence) + (coherence - drop) * (1 - coherence + drop)
        if gendered > 0 and drop >= needed * math.sqrt(variance / gendered):
            return float(drop)
    return None


def _reduction_score(groups: int, gendered: float, share: float) -> float:
    """The expected difference of two noise-free mean squares in standard deviations."""
    ranks = ndtri((np.arange(groups) + 0.5) / groups)
    scale = _BASELINE / math.sqrt(float((ranks**2).mean())) if groups > 1 else 0.0
    odds = ranks * scale if groups > 1 else np.array([_BASELINE])
    variance = 0.0
    for theta in (odds, odds * (1 - share)):
        v = 4 * np.cosh(theta / 2) ** 2 / max(gendered, 1.0)
        variance += float((4 * theta**2 * v + 2 * v**2).sum()) / groups**2
    return _BASELINE**2 * (1 - (1 - share) ** 2) / math.sqrt(variance)


def _expected_odds(groups: int, prompts: int, texts: int) -> GroupOdds:
    """The log-odds that a fair model is expected to show, at quantiles of their noise."""
    variance = np.full(groups, 4 / (texts + 1.0))
    ranks = ndtri((np.arange(groups) + 0.5) / groups)
    clusters = np.full(groups, float(prompts))
    # Half of the estimated variances are below the binomial one, and are raised to it.
    raised = 1 + 0.4 * math.sqrt(2 / max(prompts - 1, 1))
    return GroupOdds(ranks * np.sqrt(variance), variance, variance * raised, clusters, np.full(groups, float(texts)))


def _fair(odds: GroupOdds) -> GroupOdds:
    """The same, as it is known: without raised variances, since they do not make the estimate scatter more."""
    return GroupOdds(np.zeros_like(odds.log_odds), odds.variance, odds.variance, odds.clusters, odds.texts)
