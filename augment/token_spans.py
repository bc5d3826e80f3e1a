"""Which tokens overlap given character spans."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def overlapping(offsets: NDArray[np.int64], spans: ArrayLike) -> NDArray[np.bool_]:
    """Which tokens share a character with a span?

    Args:
        offsets: Start and end of each token, in characters, `[tokens, 2]`.
        spans: Start and end of each span, in order and without overlaps, `[spans, 2]`.

    Returns:
        Whether each token does, `[tokens]`.
    """
    starts, ends = np.asarray(spans, dtype=np.int64).reshape(-1, 2).T
    # Spans that begin before the token ends, minus those that end before it begins.
    return np.searchsorted(starts, offsets[:, 1], "left") > np.searchsorted(ends, offsets[:, 0], "right")


def ending_in(offsets: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which tokens does a span end in?

    Args:
        offsets: Start and end of each token, in characters, `[tokens, 2]`.
        ends: End of each span, in order, `[spans]`.

    Returns:
        Whether each token is one, also if the span ends where the token does, `[tokens]`.
    """
    first = np.minimum(offsets[:, 0] + 1, offsets[:, 1])
    return np.searchsorted(ends, offsets[:, 1], "right") > np.searchsorted(ends, first, "left")


def common_prefix(one: Sequence[Any], other: Sequence[Any]) -> int:
    """The length of the common prefix.

    >>> common_prefix("he said", "her")
    2
    """
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
