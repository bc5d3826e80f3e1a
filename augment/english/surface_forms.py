"""The surface forms that a reverser searches for, and what is done at each of them."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from augment.english.exclusions import Exclusions, exclusions_of_words
from augment.english.first_names import (
    is_first_name,
    is_surname,
    name_pairs,
    names_that_are_words,
    unpaired_names,
)
from augment.english.lexicon import Lexicon
from augment.english.prose import is_compound
from augment.english.word_senses import READINGS

Direction = Literal["swap", "female", "male"]

TELLS = ""
"""What `Word.decide` returns instead of a counterpart for a word that reveals a gender and stays."""

_CASES: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "title": lambda word: word[0].upper() + word[1:],
    "upper": str.upper,
}


class Word(NamedTuple):
    """What is done at one surface form.

    Attributes:
        counterpart: What it becomes, unless `decide` says otherwise.
        ambiguous: Whether its counterpart depends on the words that follow.
        decide: What becomes of it at text[start:end]: its counterpart, `TELLS`, or None for a word that is left alone;
            None if that does not depend on the text.
        decide_joined: The same for a word next to other characters than blanks and punctuation.
        possessive: Whether it and its counterpart take different possessive endings.
    """

    counterpart: str
    ambiguous: bool
    decide: "Decide | None"
    decide_joined: "Decide | None"
    possessive: bool


Decide = Callable[[str, int, int], str | None]


class _Decision:
    """Decides on a word of the lexicon: excluded phrases first, then surnames, then readings."""

    def __init__(
        self,
        counterpart: str | None,
        exclusions: Exclusions | None = None,
        surname: bool = False,
        readings: tuple[tuple[Callable[[str, int, int], bool], str], ...] = (),
    ):
        self.counterpart, self.exclusions, self.surname, self.readings = counterpart, exclusions, surname, readings

    def __call__(self, text: str, start: int, end: int) -> str | None:
        if self.exclusions is not None:
            tells = self.exclusions.cover(text, start, end)
            if tells is not None:
                return TELLS if tells else None
        if self.surname and is_surname(text, start, end):
            return None
        for holds, counterpart in self.readings:
            if holds(text, start, end):
                return counterpart
        return self.counterpart


class _NameDecision:
    """Decides on a first name: excluded phrases first, then `counterpart`, which is None for a name that stays."""

    def __init__(self, counterpart: str | None, exclusions: Exclusions | None = None):
        self.counterpart, self.exclusions = counterpart, exclusions

    def __call__(self, text: str, start: int, end: int) -> str | None:
        if self.exclusions is not None:
            tells = self.exclusions.cover(text, start, end)
            if tells is not None:
                return TELLS if tells else None
        if not is_first_name(text, start, end):
            return None
        return TELLS if self.counterpart is None or is_compound(text, start, end) else self.counterpart


def surface_forms(lexicon: Lexicon, names: bool, to: Direction) -> dict[str, Word]:
    """Every form that is searched for, in each of its cases (he, He, HE; James, JAMES), and what is done at it.

    Args:
        lexicon: What is exchanged.
        names: Whether first names are exchanged too.
        to: "swap", or the gender that everyone is given.
    """
    exclusions = exclusions_of_words(lexicon.exclusions)
    words = _names(names, to, exclusions)
    for cue in lexicon.tells:
        stay = _Decision(TELLS, exclusions.get(cue))
        for spell in _CASES.values():
            words[spell(cue)] = Word(TELLS, False, stay, stay, False)
    for word, counterparts in lexicon.counterparts.items():
        stays = to == lexicon.gender_of[word]
        ambiguous = word in lexicon.ambiguous_words
        for case in lexicon.cases.get(word, _CASES):
            spell = _CASES[case]
            readings = tuple(
                (READINGS[c.reading], TELLS if stays else spell(c.word)) for c in counterparts if c.reading
            )
            otherwise = next((TELLS if stays else spell(c.word) for c in counterparts if not c.reading), None)
            surname = word in lexicon.surnames and case != "lower"
            decide: Decide | None = None
            joined: Decide | None = None
            if otherwise is None or stays or word in exclusions or surname or readings:
                decide = joined = _Decision(otherwise, exclusions.get(word), surname, readings)
                # “He” stays only in “He-Man”.
                if not (otherwise is None or stays or surname or readings) and exclusions[word].only_hyphenated:
                    decide = None
            # If only one of the two ends in s, they take different possessive endings: ladies', gentlemen's.
            possessive = not readings and any(word.endswith("s") != c.word.endswith("s") for c in counterparts)
            words[spell(word)] = Word(otherwise or "", ambiguous, decide, joined, possessive)
    # The same words with a typographic apostrophe.
    return words | {form.replace("'", "’"): word for form, word in words.items() if "'" in form}


def _names(names: bool, to: Direction, exclusions: dict[str, Exclusions]) -> dict[str, Word]:
    def stays(name: str) -> Word:
        decide = _NameDecision(None, exclusions.get(name.lower()))
        return Word(TELLS, False, decide, decide, False)

    words: dict[str, Word] = {}
    for name in unpaired_names():
        words[name] = words[name.upper()] = stays(name)
    for name in names_that_are_words():
        words[name] = stays(name)
    for male, female in name_pairs():
        for name, other, gender in ((male, female, "male"), (female, male, "female")):
            for case in ("title", "upper"):
                spell = _CASES[case]
                if names and gender != to:
                    decide = _NameDecision(spell(other), exclusions.get(name.lower()))
                    possessive = name.endswith("s") != other.endswith("s")
                    words[spell(name)] = Word(spell(other), False, decide, decide, possessive)
                else:
                    words[spell(name)] = stays(name)
    return words
