"""First names: the pairs that are exchanged, and whether a capitalised word is a first name in its context.

The pairing is a bijection, so that a person keeps one name throughout a document.
"""

import re
from functools import cache
from importlib import resources

# A name after one of these is a surname (Mr. James), unless another follows (Mr. James Brown) …
_TITLE = "mr ms mrs miss mister missus dr prof professor president senator governor judge justice mayor captain coach"
_TITLES = frozenset(_TITLE.split())
# … and a place after these (San Diego, St. Louis).
_PLACE = "san santa saint el hurricane st fort port lake mount mt cape camp"
_PLACES = frozenset(_PLACE.split())
_OPENING = "(“\"‘'[—–-*_"
# … and so is King after one of these; capitalised, since King is not a surname in “the president King”.
_TITLE_BEFORE = re.compile(
    r"(?<!\w)(?=[A-Z])(?:(?i:m(?:r|s|rs|iss)|mister|missus|dr|doctor|prof|professor|rev|reverend)|(?P<office>(?i:"
    r"sen|senator|rep|representative|gov|governor|president|mayor|judge|justice|capt|captain|sgt|sergeant|lt|lieutenant"
    r"|col|colonel|gen|general|maj|major|coach|congressman|congresswoman)))\.?\s+$"
)
# Not I, V and X, which may be numerals: “George V. King …”.
_INITIAL_BEFORE = re.compile(r"(?<!\w)[A-HJ-UWYZ]\.\s?$")
_OF = re.compile(r"\s+of\b")
_WORD_BEFORE = re.compile(r"([^\W\d_]+) $")
_CAPITALISED_NEXT = re.compile(r" [^\W\d_a-zß-öø-ÿ][^\W\d_]*")
_INSIDE_A_SENTENCE = re.compile(r"[a-z,;0-9][\"”’)]? $")
# At the beginning of a sentence, “Mark” is a name before a surname, and before a verb whose subject is a person.
_NO_SURNAME = """
a an the this that these those and or but nor so if as at by for from in into of on to up with out i you he she it we
they me him her us them my your his its our their who what when where why how is was are were be been do does did has
had have not no yes there here then now all any some more every
"""
_NOT_SURNAMES = frozenset(_NO_SURNAME.split())
_PERSONAL_VERBS = (
    "said asked told replied answered cried whispered nodded smiled laughed sighed frowned shrugged looked thought knew"
)
_VERBS_OF_PERSONS = frozenset(_PERSONAL_VERBS.split())
_WORD_NEXT = re.compile(r",? ([^\W\d_]+)")


@cache
def _lines() -> tuple[str, ...]:
    text = resources.files("augment").joinpath("lexicons/names.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def name_pairs() -> tuple[tuple[str, str], ...]:
    """(male, female) first names that are exchanged for each other, the most common first; each name occurs once.

    >>> name_pairs()[0]
    ('James', 'Mary')
    """
    return tuple((male, female) for male, _, female in (line.partition(" ") for line in _lines()) if female)


@cache
def unpaired_names() -> frozenset[str]:
    """First names that reveal a gender and have no counterpart."""
    return frozenset(line for line in _lines() if " " not in line and not line.endswith("?"))


@cache
def names_that_are_words() -> frozenset[str]:
    """First names that are also words (Mark, Grace): names where it is not the sentence that asks for the capital."""
    return frozenset(line.removesuffix("?") for line in _lines() if line.endswith("?"))


@cache
def _first_names() -> frozenset[str]:
    return frozenset(name for pair in name_pairs() for name in pair) | unpaired_names() | names_that_are_words()


def is_first_name(text: str, start: int, end: int) -> bool:
    """Whether the listed, capitalised name at text[start:end] is a person's first name here.

    Not after “San”, and not at the end of a name (“Mr. James”, “Henry James”): after a title or another listed name,
    and without a capitalised word after it, it is taken for a surname, unless it is a woman's name after “Miss” or
    after another woman's name (“Mary Ann”).

    >>> is_first_name("Henry James wrote it.", 0, 5), is_first_name("Henry James wrote it.", 6, 11)
    (True, False)
    """
    before = text[max(0, start - 20) : start]
    words = before.split()
    name = text[start:end].capitalize()
    if not words or not before[-1].isspace():
        return name not in names_that_are_words() or _is_somebody(text, end)
    previous = words[-1]
    title = previous.lstrip(_OPENING).rstrip(".").lower()
    if title in _PLACES:
        return False
    if title in _TITLES and _CAPITALISED_NEXT.match(text, end) is None:
        return title == "miss" and name in _female_names()
    if name in names_that_are_words() and not _INSIDE_A_SENTENCE.search(before):
        return _is_somebody(text, end)
    if not previous[0].isupper() or previous.capitalize() not in _first_names() or before[-2].isspace():
        return True
    return _CAPITALISED_NEXT.match(text, end) is not None or {name, previous.capitalize()} <= _female_names()


def _is_somebody(text: str, end: int) -> bool:
    """Whether a name that is also a word, and ends here, is a name where any word would have the capital."""
    following = _WORD_NEXT.match(text, end)
    if following is None:
        return False
    word = following[1].lower()
    return word in _VERBS_OF_PERSONS or (
        following[1][0].isupper() and text[end] == " " and len(word) > 1 and word not in _NOT_SURNAMES
    )


def is_surname(text: str, start: int, end: int) -> bool:
    """Whether the capitalised word at text[start:end], which may be a surname (King), is one here.

    It is one after a title, an initial or a first name, unless the words after it show that it is a noble's title
    (“Mary Queen of Scots”, “General Prince Bagration”).

    >>> is_surname("Mr. King left.", 4, 8), is_surname("Old King Cole", 4, 8)
    (True, False)
    """
    before = text[max(0, start - 20) : start]
    title = _TITLE_BEFORE.search(before)
    if title is not None:
        return not title["office"] or _CAPITALISED_NEXT.match(text, end) is None
    if _INITIAL_BEFORE.search(before):
        return True
    previous = _WORD_BEFORE.search(before)
    if previous is None or not previous[1][0].isupper() or _OF.match(text, end) is not None:
        return False
    name = previous[1].capitalize()
    if name in names_that_are_words():
        return _INSIDE_A_SENTENCE.search(before[: previous.start()]) is not None
    return name in _first_names()


@cache
def _female_names() -> frozenset[str]:
    return frozenset(female for _, female in name_pairs())
