"""Role reversal of arbitrary text: only swaps change, the record is exact, and nothing raises."""

import random
from functools import cache

from augment import Lexicon, Reversal, RoleReverser
from fuzz.target import Target

PLAIN, NAMING = RoleReverser(), RoleReverser(names=True)

# What the code looks for: punctuation next to a word, tags, quotes, addresses, emphasis, paragraph breaks.
_ALL_SIGNS = """
. , ; : ! ? ' ’ ‘ " “ ” ( ) [ ] { } < > </ <a <!-- --> / // :// www. @ # $ % & \\ | = => -> :: _ __ * ** ` ~ - – — …
... + ^ 's ’s s' (s) (wo) s/he Mr. Mrs Dr. San J. of or and the let made 's' <unk> &amp; http://a.b/ a@b.c ./ ../
= = 1 2 0
"""
_SIGNS = _ALL_SIGNS.split()
_BLANKS = (" ", " ", " ", "  ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u2028", "\x0b", "\x0c", "\x85", "\u3000", "")
_STRANGE = (
    "\x00", "\x7f", "\ufeff", "\u200d", "\u200b", "\u0301", "\u0345", "\u202e", "\ud800", "\udfff", "\U0001f469",
    "👩‍🔬", "ﬁ", "ß", "ı", "İ", "ſ", "Σ", "ς", "ǆ", "ǅ", "٣", "½", "Ⅷ", "é",
    "e\u0301", "ñ", "中", "한", "\u093c", "\U0010ffff",
)  # fmt: skip
_SPELLINGS = (str, str, str, str.title, str.upper, str.swapcase, str.capitalize)


@cache
def _words() -> tuple[str, ...]:
    lexicon = Lexicon.load()
    phrases = [exclusion.phrase.replace("*", "") for exclusion in lexicon.exclusions]
    pronouns = ["he", "she", "him", "her", "his", "hers", "himself", "herself"] * 12
    names = ["Mary", "James", "Grace", "Mark", "Walter", "King", "Miss", "lady", "ladies", "gentlemen"] * 4
    return (
        *sorted(lexicon.counterparts),
        *sorted(lexicon.tells),
        *sorted(lexicon.surnames),
        *phrases,
        *pronouns,
        *names,
    )


def text(draw: random.Random) -> str:
    """A random mix of words and punctuation that the code looks for, and of unexpected characters."""
    pieces = []
    for _ in range(draw.randrange(1, 30)):
        kind = draw.random()
        if kind < 0.45:
            pieces.append(draw.choice(_SPELLINGS)(draw.choice(_words())))
        elif kind < 0.7:
            pieces.append(draw.choice(_BLANKS))
        elif kind < 0.88:
            pieces.append(draw.choice(_SIGNS))
        elif kind < 0.96:
            pieces.append(draw.choice(_STRANGE))
        else:
            pieces.append(chr(draw.choice((draw.randrange(0x80), draw.randrange(0x3000), draw.randrange(0x110000)))))
        if draw.random() < 0.02:
            pieces[-1] *= draw.randrange(2, 80)
    return "".join(pieces)


def check(text: str) -> None:
    """Check the reversal of a text, and its mirror image."""
    for reverser in (PLAIN, NAMING):
        reversal = reverser.reverse(text)
        check_record(reversal, text)
        mirrored = reverser.mirror(reversal)
        check_record(mirrored, reversal.counterfactual)
        assert mirrored.counterfactual == text, "the mirror's counterfactual is the text"
        assert len(mirrored.tells) == len(reversal.tells), "the mirror has as many tells"
        for (start, end), (new_start, new_end) in zip(reversal.tells, mirrored.tells, strict=True):
            assert text[start:end] == mirrored.text[new_start:new_end], "the mirror has the same tells"
        assert reverser.mirror(mirrored) == reversal, "the mirror's mirror is the reversal"


def check_record(reversal: Reversal, text: str) -> None:
    """Check what a record promises: spans in order, no change outside of them, and an exact inverse."""
    assert reversal.text == text, "the text is the given one"
    assert reversal.invert() == text, "invert() gives the text"
    position = new_position = 0
    for start, end, new_start, new_end, ambiguous in reversal.swaps:
        assert position <= start < end <= len(text), "swaps are in order and not empty"
        assert isinstance(ambiguous, bool)
        assert text[position:start] == reversal.counterfactual[new_position:new_start], "the same between swaps"
        assert text[start:end] != reversal.counterfactual[new_start:new_end], "a swap changes something"
        assert new_end > new_start, "a word becomes a word"
        position, new_position = end, new_end
    assert text[position:] == reversal.counterfactual[new_position:], "the same after the last swap"
    swapped = [range(swap.start, swap.end) for swap in reversal.swaps]
    previous = 0
    for start, end in reversal.tells:
        assert previous <= start < end <= len(text), "tells are in order and not empty"
        assert all(span.stop <= start or end <= span.start for span in swapped), "tells are not exchanged"
        previous = start + 1


TARGET = Target("texts", text, check, inputs=1_000_000)
