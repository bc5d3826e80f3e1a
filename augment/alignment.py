"""Aligns the tokens of a text with those of its counterfactual, by their character offsets and the swaps.

Offsets are those of any fast tokenizer: (start, end) in characters for every token, with or without the space before a
word, and (0, 0) for special tokens at either end. Several tokens may end at the same character, as the bytes of an
emoji do.
"""

from bisect import bisect_left
from collections.abc import Sequence

from augment.records import Swap

Offsets = Sequence[tuple[int, int]]


def boundaries(offsets: Offsets, counterfactual_offsets: Offsets, swaps: Sequence[Swap]) -> list[int]:
    """For every token, the index of the counterfactual token that ends at the same place, or -1 if none does.

    That is -1 inside a swapped word, and where the counterfactual has no such token, because it was truncated or its
    tokens are split elsewhere. Linear in the number of tokens.

    Args:
        offsets: Start and end of every token, `[tokens, 2]`.
        counterfactual_offsets: The same of the counterfactual.
        swaps: The exchanged words, in order.

    >>> boundaries([(0, 3), (3, 8)], [(0, 3), (3, 5), (5, 10)], [Swap(3, 8, 3, 10, False)])  # a lady → a gentleman
    [0, 2]
    """
    # Only lists: comparing arrays gives an array.
    if not swaps and type(offsets) is type(counterfactual_offsets) is list and offsets == counterfactual_offsets:
        return list(range(len(offsets)))
    head, tail = _specials(offsets)
    other_head, other_tail = _specials(counterfactual_offsets)
    aligned = [-1] * len(offsets)
    for position in range(min(head, other_head)):
        aligned[position] = position
    first, last = _runs(counterfactual_offsets, other_head, other_tail)
    settled = delta = passed = 0
    swap = swaps[0] if swaps else None
    position = head
    while position < tail:
        end = offsets[position][1]
        stop = position + 1
        while stop < tail and offsets[stop][1] == end:
            stop += 1
        while swap is not None and swap[1] <= end:
            settled, delta = swap[1], swap[3] - swap[1]
            passed += 1
            swap = swaps[passed] if passed < len(swaps) else None
        other_last = last.get(end + delta) if swap is None or end <= swap[0] else None
        if other_last is not None:
            other_first = first.get(end + delta, other_last)
            pieces, other_pieces = stop - position, other_last - other_first + 1
            if pieces == other_pieces or (position > head and stop < tail and other_last + 1 < other_tail):
                aligned[stop - 1] = other_last
            # Otherwise one of the two may have been truncated between the pieces of its last character; and at the
            # first, the prefix that the tokenizer puts before every text (“▁”) may end where that character does.
            if pieces == other_pieces > 1:
                # k-th with k-th, where they cover the same characters after any swap
                for piece in range(pieces - 1):
                    start = offsets[position + piece][0]
                    if start >= settled and start + delta == counterfactual_offsets[other_first + piece][0]:
                        aligned[position + piece] = other_first + piece
        position = stop
    # The end of the text is the end of its reversal only if neither was truncated before it.
    if head == tail or aligned[tail - 1] == other_tail - 1:
        for position in range(min(len(offsets) - tail, len(counterfactual_offsets) - other_tail)):
            aligned[tail + position] = other_tail + position
    return aligned


def align(offsets: Offsets, counterfactual_offsets: Offsets, swaps: Sequence[Swap]) -> list[int]:
    """a(t): for every token, the counterfactual position whose prefix is the reversal of the prefix up to it, or -1.

    As `boundaries`, and also -1 at the token in which an ambiguous word ends: whether “her” became “his” or “him” was
    decided by the words that follow, so the counterfactual would leak the future there.

    Args:
        offsets: Start and end of every token, `[tokens, 2]`.
        counterfactual_offsets: The same of the counterfactual.
        swaps: The exchanged words, in order.

    >>> align([(0, 3), (3, 7), (7, 12)], [(0, 3), (3, 7), (7, 12)], [Swap(4, 7, 4, 7, True)])  # saw her today
    [0, -1, 2]
    """
    aligned = boundaries(offsets, counterfactual_offsets, swaps)
    ambiguous = [swap[1] for swap in swaps if swap[4]]
    if ambiguous:
        for position, (start, end) in enumerate(offsets):
            place = bisect_left(ambiguous, min(start + 1, end))
            if place < len(ambiguous) and ambiguous[place] <= end:
                aligned[position] = -1
    return aligned


def _specials(offsets: Offsets) -> tuple[int, int]:
    """The number of special tokens at the beginning, and the position of the first of those at the end."""
    head, tail = 0, len(offsets)
    while head < tail and offsets[head][1] == 0:
        head += 1
    while tail > head and offsets[tail - 1][1] == 0:
        tail -= 1
    return head, tail


def _runs(offsets: Offsets, head: int, tail: int) -> tuple[dict[int, int], dict[int, int]]:
    """The first and the last token that end at each character; no first ones if no two tokens share an end."""
    last = {end: head + index for index, (_, end) in enumerate(offsets[head:tail])}
    if len(last) == tail - head:
        return {}, last
    first: dict[int, int] = {}
    for index in range(head, tail):
        first.setdefault(offsets[index][1], index)
    return first, last
