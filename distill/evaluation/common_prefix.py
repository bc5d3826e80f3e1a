"""How far are two texts, or two rows of tokens, the same?"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any


def common_prefix(one: Sequence[Any], other: Sequence[Any]) -> int:
    """The length of what both begin with.

    >>> common_prefix("he said", "her")
    2
    """
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
