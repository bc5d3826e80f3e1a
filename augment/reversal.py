"""Role reversal of a text: every gendered word becomes its counterpart, and the record says where."""

import hashlib
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from augment.lexicon import Exclusion, Lexicon
from augment.names import is_first_name, is_surname, name_pairs, names_that_are_words, unpaired_names
from augment.prose import is_compound, is_in_tag, is_prose
from augment.readings import READINGS

# Part of the fingerprint: raise it whenever the same lexicon and text would give another reversal.
_VERSION = 3


class Swap(NamedTuple):
    """One exchanged word: its span, that of its counterpart, and whether the words that follow decided it.

    `ambiguous` is about the choice of the counterpart (her → his, him). That a word is exchanged at all may hang on the
    words that follow too (“king” stays in “king size”), and does not count: three swaps in ten are of a word that
    begins such a phrase somewhere, but in seven novels there is one such phrase to 1,300 swaps (0.08 %).
    """

    start: int
    end: int
    counterfactual_start: int
    counterfactual_end: int
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Reversal:
    """A text and its counterfactual.

    `swaps` are in the order of the text; outside them the two are the same, character for character. `tells` are the
    spans (start, end) of `text` that tell a gender and stay.
    """

    text: str
    counterfactual: str
    swaps: tuple[Swap, ...]
    tells: tuple[tuple[int, int], ...]

    def invert(self) -> str:
        """The original again: what the counterfactual shares with it, and at each swap the word that stood there.

        A second reversal could not know it, since “him” and “his” both become “her”.

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


class _Word(NamedTuple):
    """What the reverser does at one surface form: the fields that are empty cost nothing."""

    counterpart: str | None
    readings: tuple[tuple[Callable[[str, int, int], bool], str], ...] = ()
    exclusions: tuple[tuple[re.Pattern[str], bool], ...] = ()
    ambiguous: bool = False
    name: bool = False
    tells: bool = False
    surname: bool = False
    possessive: bool = False


class RoleReverser:
    """Reverses the gender roles of English text.

    `names`: exchange common first names too, each for the same other one throughout; otherwise they stay, and are
    reported as tells. `lexicon`: what is exchanged, the package's own for English by default.

    >>> RoleReverser().reverse("The nurse said she lost her keys.").counterfactual
    'The nurse said he lost his keys.'
    """

    def __init__(self, names: bool = False, lexicon: Lexicon | None = None):
        self.names = names
        self.lexicon = Lexicon.load() if lexicon is None else lexicon
        self._words = _surface_forms(self.lexicon, names)
        irregular = sorted((re.escape(w).replace("'", "['’]") for w in self.lexicon.counterparts if "'" in w), key=len)
        self._pattern = re.compile("".join(rf"(?i:{word})(?![^\W_])|" for word in irregular) + r"[^\W_]+")

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the same text might be reversed differently."""
        names = ",".join(f"{male}/{female}" for male, female in name_pairs())
        told = ",".join(sorted(unpaired_names() | names_that_are_words()))
        state = f"{_VERSION} {self.lexicon.fingerprint} {self.names} {names} {told}"
        return hashlib.sha256(state.encode()).hexdigest()[:16]

    def reverse(self, text: str) -> Reversal:
        """Reverse one text. Everything outside `swaps` stays as it is, to the last byte."""
        words = self._words
        tagged = "<" in text
        swaps: list[Swap] = []
        tells: list[tuple[int, int]] = []
        pieces: list[str] = []
        position = shift = 0
        for match in self._pattern.finditer(text):
            word = words.get(match.group())
            if word is None:
                continue
            start, end = match.span()
            if not is_prose(text, start, end) or (tagged and is_in_tag(text, start, end)):
                continue
            counterpart, readings, exclusions, ambiguous, name, stays, surname, possessive = word
            if exclusions:
                exclusion = _excluded(text, start, end, exclusions)
                if exclusion is not None:
                    if exclusion:
                        tells.append((start, end))
                    continue
            if surname and is_surname(text, start, end):
                continue
            for holds, reading in readings:
                if holds(text, start, end):
                    counterpart = reading
                    break
            if name:
                if not is_first_name(text, start, end):
                    continue
                stays = stays or is_compound(text, start, end)
            if stays:
                tells.append((start, end))
                continue
            if counterpart is None:
                continue
            if possessive and text[end : end + 1] in _APOSTROPHES:
                end, counterpart = _possessive(text, start, end, counterpart)
            pieces.append(text[position:start])
            pieces.append(counterpart)
            position = end
            new_start = start + shift
            new_end = new_start + len(counterpart)
            shift = new_end - end
            swaps.append(Swap(start, end, new_start, new_end, ambiguous))
        pieces.append(text[position:])
        return Reversal(text, "".join(pieces), tuple(swaps), tuple(tells))

    def reverse_all(self, texts: Iterable[str], num_proc: int = 1) -> list[Reversal]:
        """Reverse many texts, in order, on `num_proc` processes."""
        if num_proc == 1:
            return [self.reverse(text) for text in texts]
        texts = list(texts)
        with ProcessPoolExecutor(num_proc) as pool:
            return list(pool.map(self.reverse, texts, chunksize=max(1, min(1000, len(texts) // (4 * num_proc)))))

    def mirror(self, reversal: Reversal) -> Reversal:
        """The same pair seen from the other side: text and counterfactual exchanged, spans and tells moved with them.

        `ambiguous` is judged anew, for the words that now stand in the text.
        """
        text = reversal.counterfactual
        swaps = tuple(
            Swap(new_start, new_end, start, end, text[new_start:new_end].lower() in self._ambiguous)
            for start, end, new_start, new_end, _ in reversal.swaps
        )
        tells = []
        shift = passed = 0
        for start, end in reversal.tells:
            while passed < len(reversal.swaps) and reversal.swaps[passed].end <= start:
                shift = reversal.swaps[passed].counterfactual_end - reversal.swaps[passed].end
                passed += 1
            tells.append((start + shift, end + shift))
        return Reversal(text, reversal.text, swaps, tuple(tells))

    @cached_property
    def _ambiguous(self) -> frozenset[str]:
        return self.lexicon.ambiguous_words


def _surface_forms(lexicon: Lexicon, names: bool) -> dict[str, _Word]:
    words: dict[str, _Word] = {}
    for name in unpaired_names() | names_that_are_words():
        words[name] = _Word(None, name=True, tells=True)
        if name in unpaired_names():
            words[name.upper()] = words[name]
    for male, female in name_pairs():
        for name, other in ((male, female), (female, male)):
            words[name] = _Word(other, name=True, tells=not names)
            words[name.upper()] = _Word(other.upper(), name=True, tells=not names)
    exclusions = _exclusion_patterns(lexicon.exclusions)
    for told in lexicon.tells:
        for form in _forms(told).values():
            words[form] = _Word(None, exclusions=exclusions.get(told, ()), tells=True)
    for word, counterparts in lexicon.counterparts.items():
        for case, form in _forms(word).items():
            if case not in lexicon.cases.get(word, _CASES):
                continue
            readings = tuple((READINGS[c.reading], _CASES[case](c.word)) for c in counterparts if c.reading)
            remaining = [_CASES[case](c.word) for c in counterparts if c.reading is None]
            words[form] = _Word(
                remaining[0] if remaining else None,
                readings,
                exclusions.get(word, ()),
                ambiguous=word in lexicon.ambiguous_words,
                surname=word in lexicon.surnames and case != "lower",
                # One of the two ends in s, and so has another possessive ending: ladies', gentlemen's.
                possessive=not readings and any(word.endswith("s") != c.word.endswith("s") for c in counterparts),
            )
    # A typographic apostrophe makes no other word.
    return words | {form.replace("'", "’"): word for form, word in words.items() if "'" in form}


_APOSTROPHES = ("'", "’")
_POSSESSED = re.compile(r"[^\S\n]*(?:\n[^\S\n]*)?[^\W_]")
_OPENING_QUOTE = re.compile(r"(?<![^\s(\[—–\"“])['‘](?=\w)")
_CLOSING_QUOTE = re.compile(r"['’](?!\w)")
_QUOTE_REACH = 300


def _possessive(text: str, start: int, end: int, counterpart: str) -> tuple[int, str]:
    """The end of the word with its possessive ending, and the counterpart with its own: ladies' → gentlemen's.

    An apostrophe that closes a quotation is no ending.
    """
    word, mark = text[start:end], text[end]
    if word[-1] in "sS" and counterpart[-1] not in "sS":
        follows = _POSSESSED.match(text, end + 1)
        if follows is not None and follows.end() > end + 2 and not _is_quoted(text, start):
            return end + 1, counterpart + mark + ("S" if word.isupper() else "s")
    elif word.lower().endswith("men") and counterpart[-1] in "sS":
        ending = text[end + 1 : end + 3]
        if ending[:1] == ("S" if word.isupper() else "s") and not ending[1:].isalnum():
            return end + 2, counterpart + mark
    return end, counterpart


def _is_quoted(text: str, start: int) -> bool:
    openings = list(_OPENING_QUOTE.finditer(text, max(0, start - _QUOTE_REACH), start))
    return bool(openings) and _CLOSING_QUOTE.search(text, openings[-1].end(), start) is None


def _title(word: str) -> str:
    return word[0].upper() + word[1:]


_CASES: dict[str, Callable[[str], str]] = {"lower": str.lower, "title": _title, "upper": str.upper}


def _forms(word: str) -> dict[str, str]:
    return {case: spell(word) for case, spell in _CASES.items()}


def _exclusion_patterns(exclusions: Iterable[Exclusion]) -> dict[str, tuple[tuple[re.Pattern[str], bool], ...]]:
    """Each word of an exclusion → (pattern of the phrases that it occurs in, whether they tell a gender)."""
    phrases: dict[str, dict[tuple[bool, bool], list[str]]] = {}
    for exclusion in exclusions:
        pattern = _phrase_pattern(exclusion.phrase)
        for word in re.findall(r"[^\W_]+\*?", exclusion.phrase.lower()):
            for form in (word[:-1], word[:-1] + "s") if word.endswith("*") else (word,):
                phrases.setdefault(form, {}).setdefault((exclusion.exact, exclusion.tells), []).append(pattern)
    return {
        word: tuple(
            (re.compile("|".join(patterns), 0 if exact else re.IGNORECASE), tells)
            for (exact, tells), patterns in by_kind.items()
        )
        for word, by_kind in phrases.items()
    }


_PHRASE_SIGNS = {" ": r"(?:\s+|[-‐‑])", "-": "[-‐‑]", "'": "['’]", "*": r"\w*"}


def _phrase_pattern(phrase: str) -> str:
    pattern = "".join(_PHRASE_SIGNS.get(character, re.escape(character)) for character in phrase)
    return (r"(?<!\w)" if phrase[0].isalnum() else "") + pattern + r"(?!\w)"


# No phrase of the exclusions is longer.
_REACH = 40


def _excluded(text: str, start: int, end: int, exclusions: tuple[tuple[re.Pattern[str], bool], ...]) -> bool | None:
    """None where no excluded phrase covers text[start:end]; otherwise whether the phrase tells a gender."""
    for pattern, tells in exclusions:
        for match in pattern.finditer(text, max(0, start - _REACH), end + _REACH):
            if match.start() <= start and end <= match.end():
                return tells
            if match.start() > start:
                break
    return None
