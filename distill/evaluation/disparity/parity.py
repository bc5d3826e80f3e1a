"""Does a model show parity? An equivalence test against a margin, with three answers.

*Shown*: disparity and lean lie below the margin, with at most 5 % risk of saying so of a model at the margin.
*Refuted*: the disparity lies above it, with the same risk. *Undecided*: these texts cannot tell. The absence of a
significant difference shows nothing: with few texts every model would pass, and with many none.

The disparity is the root mean square over groups: single groups may lean farther than the margin although the mean
square does not. Those whose log-odds are certain to lie beyond it are named.

Source: Schuirmann 1987 for two one-sided tests; `noise_free` for the bounds.
"""

from typing import Literal, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from distill.evaluation.disparity.noise_free import (
    GroupOdds,
    deviation,
    largest_square,
    lean_bound,
    lean_error,
    least_square,
    rms_bounds,
    with_more_texts,
)
from distill.evaluation.statistics.permutation import holm

ParityVerdict = Literal["shown", "refuted", "undecided"]

LEVEL = 0.05
"""Probability of showing parity of a model at the margin, and of refuting it of one at the margin, at most."""
POWER = 0.80
"""Probability that as many texts as are said to be needed decide."""
_MOST = 1000.0
"""If more than this many times the texts would be needed, no number is given."""


class Parity(TypedDict):
    """The answer for one evaluation.

    Attributes:
        verdict: Whether parity is shown on average over groups, refuted, or neither.
        margin: Root mean square log-odds, in nats, below which disparity and lean count as none.
        lower: Bound of the root mean square that the truth falls below in 5 % of all cases.
        upper: Bound of the root mean square that the truth exceeds in 5 % of all cases.
        lean_upper: Bound of the absolute mean log-odds that the truth exceeds in 5 % of all cases.
        texts_needed: About how many more texts a group would decide with a probability of 80 %; None if it is decided,
            or if the disparity is too close to the margin for any reasonable number.
        groups_beyond: The groups that are certain to lean farther than the margin, farthest first.
    """

    verdict: ParityVerdict
    margin: float
    lower: float
    upper: float
    lean_upper: float
    texts_needed: NotRequired[int | None]
    groups_beyond: list[str]


def parity(odds: GroupOdds, names: list[str], margin: float, texts: float) -> Parity:
    """Judge one evaluation.

    Args:
        odds: Log-odds of each group, `[groups]`, all with gendered texts.
        names: Names of the groups.
        margin: Margin in nats.
        texts: Mean number of texts of a group, gendered or not.
    """
    lower, upper = rms_bounds(odds, LEVEL)
    verdict: ParityVerdict = "undecided"
    if shown(odds, margin):
        verdict = "shown"
    elif refuted(odds, margin):
        verdict = "refuted"
    times = texts_factor(odds, margin) if verdict == "undecided" else None
    return Parity(
        verdict=verdict,
        margin=margin,
        lower=lower,
        upper=upper,
        lean_upper=float(lean_bound(odds, LEVEL)),
        texts_needed=None if times is None else max(1, int(np.ceil((times - 1) * texts))),
        groups_beyond=[names[group] for group in groups_beyond(odds, margin)],
    )


def shown(odds: GroupOdds, margin: float) -> NDArray[np.bool_]:
    """Whether disparity and lean certainly lie below the margin, `[...]`; never if it could not be seen."""
    square = np.maximum(odds.mean_square, 0.0)
    below = least_square(odds, margin**2, LEVEL) > square
    return np.asarray(below & _visible(odds, margin) & (lean_bound(odds, LEVEL) < margin))


def _visible(odds: GroupOdds, margin: float) -> NDArray[np.bool_]:
    """Whether a disparity as large as the margin would be seen if a single group carried all of it, `[...]`.

    The log-odds of a group cannot exceed log(2n + 1) with n texts.
    """
    return np.asarray(np.log(2 * odds.texts.sum(axis=-1) / odds.groups + 1) >= margin * np.sqrt(odds.groups))


def refuted(odds: GroupOdds, margin: float) -> NDArray[np.bool_]:
    """Whether the disparity certainly lies above the margin, `[...]`."""
    return np.asarray(largest_square(odds, margin**2, LEVEL) < odds.mean_square)


def groups_beyond(odds: GroupOdds, margin: float) -> list[int]:
    """Return the indices of the groups whose log-odds certainly lie beyond the margin, farthest first.

    Tested one by one with Student's t over clusters, corrected for the number of groups (Holm).
    """
    distance = (np.abs(odds.log_odds) - margin) / np.sqrt(odds.at_least_binomial)
    p = stdtr(np.maximum(odds.clusters - 1, 1), -distance)
    found = np.flatnonzero(holm(np.asarray(p, dtype=np.float64)) < LEVEL)
    return sorted(found.tolist(), key=lambda group: -abs(float(odds.log_odds[group])))


def texts_factor(odds: GroupOdds, margin: float) -> float | None:
    """Return how many times as many texts would decide with a probability of `POWER` if the estimate is right."""
    square = max(float(odds.mean_square), 0.0)
    aside = float(ndtri(POWER))
    # The lean cannot exceed the disparity, whose estimate is free of noise.
    too_much = max(0.0, abs(float(odds.mean)) - float(np.sqrt(square)))

    def decides(times: float) -> bool:
        more = with_more_texts(odds, times)
        away = aside * float(deviation(more, square))
        if square < margin**2:
            below = least_square(more, margin**2, LEVEL) >= square + away
            lean = lean_bound(more, LEVEL) - too_much + aside * lean_error(more)
            return bool(below & _visible(more, margin) & (lean < margin))
        return bool(largest_square(more, margin**2, LEVEL) <= square - away)

    if not decides(_MOST):
        return None
    low, high = 1.0, _MOST
    while high / low > 1.01:
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
