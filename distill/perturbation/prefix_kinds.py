"""The kind of each prefix, which decides which teacher predictions the target at its position is made of."""

from enum import IntEnum

import numpy as np


class PrefixKind(IntEnum):
    """The three kinds of prefix; a prefix begins where the teacher's context does: with its block, or its document."""

    UNALIGNED = 0
    """A gender cue stays as it is, or there is no aligned counterfactual position: the factual target."""
    NEUTRAL = 1
    """The prefix holds no gender cue: it is its own reversal."""
    REVERSED = 2
    """The prefix contains a reversed word, and the counterfactual prefix ends at an aligned position."""


def prefix_kinds(
    aligned: np.ndarray, reversed_word: np.ndarray, gender_cue: np.ndarray, begin: np.ndarray | int = 0
) -> np.ndarray:
    """Classify every prefix of a block.

    Args:
        aligned: `[length]` bool, whether a(t) exists.
        reversed_word: `[length]` bool, whether the token belongs to a reversed word.
        gender_cue: `[length]` bool, whether the token is a gender cue that the reversal leaves as it is.
        begin: `[length]` where the prefix that ends at a position begins.

    Returns:
        `[length]` int8 of `PrefixKind`.

    Example:
        >>> prefix_kinds(np.array([1, 1, 0, 1], bool), np.array([0, 1, 0, 0], bool), np.zeros(4, bool)).tolist()
        [1, 2, 0, 2]
    """
    seen_reversed = _latest(reversed_word) >= begin
    seen_cue = _latest(gender_cue) >= begin
    kinds = np.where(seen_cue | ~aligned, PrefixKind.UNALIGNED, PrefixKind.NEUTRAL)
    return np.where(aligned & seen_reversed, PrefixKind.REVERSED, kinds).astype(np.int8)


def _latest(marked: np.ndarray) -> np.ndarray:
    """For each position the last marked one up to it; −1 before the first."""
    return np.maximum.accumulate(np.where(marked, np.arange(len(marked)), -1))
