"""Confidence interval of a proportion."""

import numpy as np


def wilson(successes: int, trials: int) -> list[float]:
    """Return the 95 % interval of a proportion over independent trials, as [low, high].

    Source: Wilson 1927, *Probable Inference, the Law of Succession, and Statistical Inference*.
    """
    z = 1.959964
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    reach = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return [max(0.0, float(centre - reach)), min(1.0, float(centre + reach))]
