"""From spans of characters to tokens."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def overlapping(offsets: NDArray[np.int64], spans: ArrayLike) -> NDArray[np.bool_]:
    """Which tokens share a character with a span?

    Args:
        offsets: Characters of each token, `[tokens, 2]`.
        spans: (start, end) of each span, in order, none overlapping another, `[spans, 2]`.

    Returns:
        `[tokens]`.
    """
    starts, ends = np.asarray(spans, dtype=np.int64).reshape(-1, 2).T
    # Spans that begin before the token ends, less those that have ended where it begins.
    return np.searchsorted(starts, offsets[:, 1], "left") > np.searchsorted(ends, offsets[:, 0], "right")


def ending_in(offsets: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which tokens does a span end in, or with?

    Args:
        offsets: Characters of each token, `[tokens, 2]`.
        ends: of the spans, in order, `[spans]`.

    Returns:
        `[tokens]`.
    """
    first = np.minimum(offsets[:, 0] + 1, offsets[:, 1])
    return np.searchsorted(ends, offsets[:, 1], "right") > np.searchsorted(ends, first, "left")


def common_prefix(one: Sequence[Any], other: Sequence[Any]) -> int:
    """The length of what both begin with.

    >>> common_prefix("he said", "her")
    2
    """
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
