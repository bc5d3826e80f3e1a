"""The sense of a word, where its counterpart depends on it: the readings that `when` in a lexicon can name."""

import re
from collections.abc import Callable

from augment.pronouns.model import is_determiner

# Blanks and at most one line break, with only one way to match: two adjacent runs of blanks would take quadratic time.
_NAME = re.compile(r"[^\S\n]*(?:\n[^\S\n]*)?([^\W\d_][^\W\d_]*)")
_OF_PLACE = re.compile(r"[^\S\n]*(?:\n[^\S\n]*)?\b(?:of|OF)\b[^\S\n]*(?:\n[^\S\n]*)?\b[A-ZÀ-ÖØ-Þ]")
_MY = re.compile(r"\b(?:my|your)\s+$", re.IGNORECASE)
# “Never Miss Another …”, “How to Count Calories”: headlines, where verbs are capitalised too.
_VERB_BEFORE = re.compile(r"(?<![^\W_])(?:i|we|they|not|never|don['’]t|can['’]t|won['’]t|how\sto)\s+$", re.IGNORECASE)
_DOT_AND_NAME = re.compile(r"\.?[^\S\n]+([^\W\d_][^\W\d_]*)")
_COMMA_BEFORE = re.compile(r",[^\S\n]*(?:\n[^\S\n]*)?$")
_ADDRESSED = re.compile(r"[.?!;”]|,(?!\s(?:or|and|nor)\b)")

# Not names, even if capitalised: at the beginning of a sentence, or in a headline.
_FUNCTION_WORDS = """
a an the this that these those and or but nor so if as at by for from in into of on to up with out
i you he she it we they me him her us them my your his its our their who what when where why how
is was are were be been do does did has had have will would shall should can could may might must not no yes
there here then now all mr mrs ms miss dr
"""
_NOT_NAMES = frozenset(_FUNCTION_WORDS.split())


def is_title(text: str, start: int, end: int) -> bool:
    """Whether the word at text[start:end] is a title: capitalised, with a capitalised name after it.

    “my lady” and “your lady” count as titles too, since their counterpart is “lord”.

    >>> is_title("Miss Bates sat down.", 0, 4), is_title("Miss the bus and wait.", 0, 4)
    (True, False)
    >>> is_title("Never Miss Another Update", 6, 10)
    False
    """
    if not text[start].isupper():
        return text[start:end] == "lady" and _MY.search(text, max(0, start - 8), start) is not None
    following = _NAME.match(text, end)
    if following is None or not following[1][0].isupper() or following.start(1) == end:
        return False
    return following[1].lower() not in _NOT_NAMES and _VERB_BEFORE.search(text, max(0, start - 12), start) is None


def is_address(text: str, start: int, end: int) -> bool:
    """Whether the word at text[start:end] is an abbreviated title; in capitals, only before a capitalised name.

    >>> is_address("MS. SMITH: No.", 0, 2), is_address("in 5 MS.", 5, 7), is_address("Ms. and Mr. Lee", 0, 2)
    (True, False, True)
    """
    if not text[start:end].isupper():
        return True
    following = _DOT_AND_NAME.match(text, end)
    return following is not None and following[1].isupper() and following[1].lower() not in _NOT_NAMES


def is_vocative(text: str, start: int, end: int) -> bool:
    """Whether the word at text[start:end] addresses somebody: it is between a comma and another punctuation mark.

    >>> is_vocative("Yes, miss.", 5, 9), is_vocative("hit, miss, or luck", 5, 9)
    (True, False)
    """
    return _ADDRESSED.match(text, end) is not None and _COMMA_BEFORE.search(text, max(0, start - 4), start) is not None


def is_of_place(text: str, start: int, end: int) -> bool:
    """Whether the word at text[start:end] is capitalised, with “of” and a capitalised place after it: an English title.

    >>> is_of_place("the Countess of Derby", 4, 12), is_of_place("Countess Lidia", 0, 8)
    (True, False)
    """
    return text[start].isupper() and _OF_PLACE.match(text, end) is not None


READINGS: dict[str, Callable[[str, int, int], bool]] = {
    "determiner": is_determiner,
    "title": is_title,
    "address": is_address,
    "vocative": is_vocative,
    "of place": is_of_place,
}
