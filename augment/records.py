"""The result of a reversal: both texts, the words exchanged between them, and the gender cues that stay."""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

SWAP = struct.Struct("5q")
"""A swap's five numbers, as `Reversal.record` holds them."""


class Swap(NamedTuple):
    """One exchanged word.

    Attributes:
        start: Where it starts in the text, in characters.
        end: Where it ends.
        counterfactual_start: Where its counterpart starts in the counterfactual.
        counterfactual_end: Where that ends.
        ambiguous: Whether the words that follow decided which counterpart it has (her → his, him). Whether a word is
            exchanged at all may depend on them too (“king” stays in “king size”), but does not count: three swaps in
            ten are of a word that begins such a phrase somewhere, but in seven novels there is one such phrase per
            1,300 swaps (0.08 %).
    """

    start: int
    end: int
    counterfactual_start: int
    counterfactual_end: int
    ambiguous: bool


@dataclass(frozen=True)
class Reversal:
    """A text and its counterfactual.

    Attributes:
        text: The text.
        counterfactual: Its reversal; outside the swaps the two are the same, character for character.
        record: The swaps in the order of the text, packed as one `SWAP` after the other, so that `Swap` objects are
            created on demand only, and reversals are cheap to send between processes.
        tells: Gender cues that stay, such as “pregnant”: their spans (start, end) in `text`.
    """

    text: str
    counterfactual: str
    record: bytes
    tells: tuple[tuple[int, int], ...]

    @cached_property
    def swaps(self) -> tuple[Swap, ...]:
        """The exchanged words."""
        return tuple(
            Swap(start, end, counterfactual_start, counterfactual_end, bool(ambiguous))
            for start, end, counterfactual_start, counterfactual_end, ambiguous in SWAP.iter_unpack(self.record)
        )

    def invert(self) -> str:
        """The original text, restored from the counterfactual and the record.

        A second reversal could not restore it, since “him” and “his” both become “her”.

        >>> from augment import RoleReverser
        >>> RoleReverser().reverse("I saw him.").invert()
        'I saw him.'
        """
        pieces = []
        position = 0
        for swap in self.swaps:
            pieces.append(self.counterfactual[position : swap.counterfactual_start])
            pieces.append(self.text[swap.start : swap.end])
            position = swap.counterfactual_end
        pieces.append(self.counterfactual[position:])
        return "".join(pieces)
