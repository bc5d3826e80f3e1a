"""From spans of characters to tokens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def overlapping(offsets: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which tokens share a character with a span?

    Args:
        offsets: Characters of each token, `[tokens, 2]`.
        spans: (start, end) of each span, in order, none overlapping another.

    Returns:
        `[tokens]`.
    """
    if not spans:
        return np.zeros(len(offsets), dtype=np.bool_)
    starts, ends = np.array(spans).T
    # Spans that begin before the token ends, less those that have ended where it begins.
    return np.searchsorted(starts, offsets[:, 1], "left") > np.searchsorted(ends, offsets[:, 0], "right")
