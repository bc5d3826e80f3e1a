"""What kind of prefix a position has: it decides which teacher predictions become the target there."""

from enum import IntEnum

import numpy as np


class PrefixKind(IntEnum):
    """The three kinds of prefix, seen from the block's first token on (what the teacher sees)."""

    UNALIGNED = 0
    """A gender is told that stays, or there is no aligned counterfactual position: the factual target."""
    NEUTRAL = 1
    """Nothing tells a gender: the prefix is its own reversal."""
    REVERSED = 2
    """A reversed word stands in the prefix, and the counterfactual prefix ends at an aligned position."""


def prefix_kinds(aligned: np.ndarray, reversed_word: np.ndarray, tell: np.ndarray) -> np.ndarray:
    """Classify every prefix of a block.

    Args:
        aligned: `[length]` bool, a(t) exists.
        reversed_word: `[length]` bool, the token belongs to a reversed word.
        tell: `[length]` bool, the token tells a gender and stays.

    Returns:
        `[length]` int8 of `PrefixKind`.

    Example:
        >>> prefix_kinds(np.array([1, 1, 0, 1], bool), np.array([0, 1, 0, 0], bool), np.zeros(4, bool)).tolist()
        [1, 2, 0, 2]
    """
    seen_reversed = np.logical_or.accumulate(reversed_word)
    seen_tell = np.logical_or.accumulate(tell)
    kinds = np.where(seen_tell | ~aligned, PrefixKind.UNALIGNED, PrefixKind.NEUTRAL)
    return np.where(aligned & seen_reversed, PrefixKind.REVERSED, kinds).astype(np.int8)
