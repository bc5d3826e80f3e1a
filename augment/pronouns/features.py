"""The tokens around a pronoun, and the features that the pronoun model makes of them."""

import re
from typing import NamedTuple

# Words, amounts, other symbols, and the breaks between paragraphs; quotes, brackets and emphasis are skipped.
_SKIPPED = r"\"“”‘’'()\[\]*`"
_TOKEN = rf"(?:[^\W\d_]+(?:['’][^\W\d_]+)*+|[$£€][^\S\n]?\d[\d.,]*|\d[\d.,]*|\n[^\S\n]*\n|[^\w\s{_SKIPPED}])"
_GAP = rf"(?:[^\S\n]|\n(?![^\S\n]*\n)|[_{_SKIPPED}])*+"
_MAX_CHARACTERS_BEFORE, _MAX_CHARACTERS_AFTER = 40, 120
PARAGRAPH_BREAK = "\n\n"
_THREE_TOKENS = re.compile(rf"{_GAP}({_TOKEN})?{_GAP}({_TOKEN})?{_GAP}({_TOKEN})?")
# The usual case, matched without backtracking; an apostrophe would continue the word.
_THREE_PLAIN_WORDS = re.compile(r"[ \n]([A-Za-z]++)[ \n]([A-Za-z]++)[ \n]([A-Za-z]++)(?!['’]|[^\W\d_])")
TOKEN = re.compile(_TOKEN)

TokenWindow = tuple[str, str, str, str, str]
"""The tokens around a pronoun: before2, before, after, after2, after3."""


def token_window(text: str, start: int, end: int) -> TokenWindow:
    """The two tokens before text[start:end] and the three after it; beyond the ends of the text, paragraph breaks."""
    # The groups are optional, so that this pattern matches anywhere.
    following = _THREE_PLAIN_WORDS.match(text, end, end + _MAX_CHARACTERS_AFTER) or _THREE_TOKENS.match(
        text, end, end + _MAX_CHARACTERS_AFTER
    )
    assert following is not None
    # Words between blanks need no pattern.
    first = start - _MAX_CHARACTERS_BEFORE if start > _MAX_CHARACTERS_BEFORE else 0
    blank = text.rfind(" ", first, start - 1) if start else -1
    blank2 = text.rfind(" ", first, blank) if blank > 0 else -1
    before, before2 = text[blank + 1 : start - 1], text[blank2 + 1 : blank]
    if not (blank2 >= 0 and text[start - 1] == " " and before.isalpha() and before2.isalpha()):
        before2, before = [PARAGRAPH_BREAK, PARAGRAPH_BREAK, *TOKEN.findall(text, first, start)][-2:]
    after, after2, after3 = following.groups(PARAGRAPH_BREAK)
    return before2, before, after, after2, after3


class FeatureKey:
    """The key to the weight file: a feature is one of these prefixes, and the traits that its name lists.

    A trait is named by its word, a position in a `TokenWindow`, and by what is known of the word, as in `WordTraits`.
    """

    BIAS = ""

    # A word by itself
    BEFORE2_FORM = "a"
    BEFORE_FORM = "b"
    BEFORE_STEM = "c"
    BEFORE_CLASS = "d"
    BEFORE_FRAME = "e"
    AFTER_FORM = "f"
    AFTER_CLASS = "g"
    AFTER_ENDING = "h"
    AFTER_CAPITAL = "i"
    AFTER_NOUN_LEVEL = "z"
    AFTER2_FORM = "j"
    AFTER2_CLASS = "k"
    AFTER2_ENDING = "l"
    AFTER2_NOUN_LEVEL = "A"
    AFTER3_FORM = "m"
    AFTER3_CLASS = "n"

    # Several words, at least one of them by its form or stem, or all three after the pronoun
    AFTER_FORM_AFTER2_FORM = "o"
    BEFORE_FORM_AFTER_FORM = "p"
    AFTER_CLASS_AFTER2_CLASS_AFTER3_CLASS = "r"
    BEFORE_STEM_AFTER_CLASS = "u"
    BEFORE_STEM_AFTER_NOUN_LEVEL = "E"

    # Several words by class, noun level and frame only
    AFTER_CLASS_AFTER2_CLASS = "q"
    BEFORE_CLASS_AFTER_CLASS = "s"
    BEFORE_CLASS_AFTER_CLASS_AFTER2_CLASS = "t"
    BEFORE_FRAME_AFTER_CLASS = "w"
    BEFORE_FRAME_AFTER_CLASS_AFTER2_CLASS = "x"
    AFTER_NOUN_LEVEL_AFTER2_CLASS = "B"
    AFTER_NOUN_LEVEL_AFTER2_NOUN_LEVEL = "C"
    BEFORE_FRAME_AFTER_NOUN_LEVEL_AFTER2_NOUN_LEVEL = "F"


class WordTraits(NamedTuple):
    """What the features use of a word; its class, noun level and frame are a letter each, joined in `letters`."""

    form: str
    ending: str
    word_class: str
    noun_level: str
    stem: str
    frame: str
    capital: str
    letters: str


def single_word_features(position: int, word: WordTraits) -> tuple[str, ...]:
    """Features of the word at one position of a `TokenWindow` by itself."""
    key = FeatureKey
    match position:
        case 0:
            return (key.BEFORE2_FORM + word.form,)
        case 1:
            return (
                key.BEFORE_FORM + word.form,
                key.BEFORE_STEM + word.stem,
                key.BEFORE_CLASS + word.word_class,
                key.BEFORE_FRAME + word.frame,
            )
        case 2:
            return (
                key.AFTER_FORM + word.form,
                key.AFTER_CLASS + word.word_class,
                key.AFTER_ENDING + word.ending,
                key.AFTER_CAPITAL + word.capital,
                key.AFTER_NOUN_LEVEL + word.noun_level,
            )
        case 3:
            return (
                key.AFTER2_FORM + word.form,
                key.AFTER2_CLASS + word.word_class,
                key.AFTER2_ENDING + word.ending,
                key.AFTER2_NOUN_LEVEL + word.noun_level,
            )
        case _:
            return (key.AFTER3_FORM + word.form, key.AFTER3_CLASS + word.word_class)


def word_features(before: WordTraits, after: WordTraits, after2: WordTraits, after3: WordTraits) -> tuple[str, ...]:
    """Features of several words, at least one of them by its form or stem, or of all three after the pronoun."""
    key = FeatureKey
    form, word_class = after.form, after.word_class
    return (
        f"{key.AFTER_FORM_AFTER2_FORM}{form} {after2.form}",
        f"{key.BEFORE_FORM_AFTER_FORM}{before.form} {form}",
        f"{key.AFTER_CLASS_AFTER2_CLASS_AFTER3_CLASS}{word_class}{after2.word_class}{after3.word_class}",
        f"{key.BEFORE_STEM_AFTER_CLASS}{before.stem} {word_class}",
        f"{key.BEFORE_STEM_AFTER_NOUN_LEVEL}{before.stem} {after.noun_level}",
    )


def trait_features(before: WordTraits, after: WordTraits, after2: WordTraits) -> tuple[str, ...]:
    """Features of several words by their class, noun level and frame only."""
    key = FeatureKey
    frame, word_class, noun_level = before.frame, after.word_class, after.noun_level
    return (
        f"{key.AFTER_CLASS_AFTER2_CLASS}{word_class}{after2.word_class}",
        f"{key.BEFORE_CLASS_AFTER_CLASS}{before.word_class}{word_class}",
        f"{key.BEFORE_CLASS_AFTER_CLASS_AFTER2_CLASS}{before.word_class}{word_class}{after2.word_class}",
        f"{key.BEFORE_FRAME_AFTER_CLASS}{frame}{word_class}",
        f"{key.BEFORE_FRAME_AFTER_CLASS_AFTER2_CLASS}{frame}{word_class}{after2.word_class}",
        f"{key.AFTER_NOUN_LEVEL_AFTER2_CLASS}{noun_level}{after2.word_class}",
        f"{key.AFTER_NOUN_LEVEL_AFTER2_NOUN_LEVEL}{noun_level}{after2.noun_level}",
        f"{key.BEFORE_FRAME_AFTER_NOUN_LEVEL_AFTER2_NOUN_LEVEL}{frame}{noun_level}{after2.noun_level}",
    )
