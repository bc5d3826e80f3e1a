"""Phrases in which a gendered word stays (“king size”, “thank God”), and the search for one that covers a word."""

import re
from collections.abc import Iterable, Sequence

from augment.english.lexicon import Exclusion

_SPECIAL = {" ": r"(?:\s+|[-‐‑])", "-": "[-‐‑]", "'": "['’]", "*": r"\w*"}
_HYPHENS, _BLANKS, _APOSTROPHES = "-‐‑", " \t\n\r\xa0", "'’"
_WORD = re.compile(r"[^\W_]+\*?")

# A phrase is searched for within this many characters of the word, or within twice its length if that is more, which
# leaves room for blanks and wildcards.
_MIN_REACH = 40
# Characters next to the word that are compared before a pattern is tried.
_PREVIEW = 4


class Exclusions:
    """The phrases that contain one word.

    Attributes:
        only_hyphenated: Whether each of them has a hyphen next to the word.
    """

    def __init__(self, phrases: Iterable[tuple[Exclusion, str, str]]):
        """Compile the phrases.

        Args:
            phrases: Each phrase, with its parts before and after the word.
        """
        self.only_hyphenated = True
        # By kind: phrases that begin with the word, which are matched at its start, and phrases to be searched for.
        patterns: dict[tuple[bool, bool], tuple[list[str], list[str]]] = {}
        self._reach = _MIN_REACH
        self._always_try = False
        self._before: set[str] = set()
        self._after: set[str] = set()
        for exclusion, before, after in phrases:
            self._reach = max(self._reach, 2 * len(exclusion.phrase))
            beginning, around = patterns.setdefault((exclusion.exact, exclusion.tells), ([], []))
            (around if before else beginning).append(_pattern(exclusion.phrase))
            self.only_hyphenated &= (after[:1] if after else before[-1:]) == "-"
            if before and not before.endswith("*"):
                self._before |= {part[::-1] for part in _beginnings(before[::-1])}
            elif not before and after and not after.startswith("*"):
                self._after |= _beginnings(after)
            else:
                self._always_try = True
        self._patterns = tuple(
            (_any_of(beginning, exact), _any_of(around, exact), tells)
            for (exact, tells), (beginning, around) in patterns.items()
        )

    def cover(self, text: str, start: int, end: int) -> bool | None:
        """Whether the phrase that covers text[start:end] reveals a gender; None if no phrase covers it."""
        may_begin = self._always_try or self._may_follow(text, end)
        may_surround = self._always_try or self._may_precede(text, start)
        if not (may_begin or may_surround):
            return None
        for beginning, around, tells in self._patterns:
            if may_begin and beginning is not None:
                match = beginning.match(text, start, end + self._reach)
                if match is not None and end <= match.end():
                    return tells
            if may_surround and around is not None:
                for match in around.finditer(text, max(0, start - self._reach), end + self._reach):
                    if match.start() <= start and end <= match.end():
                        return tells
                    if match.start() > start:
                        break
        return None

    # The characters on one side are enough to rule most phrases out cheaply; runs of blanks are left to the pattern.
    def _may_follow(self, text: str, end: int) -> bool:
        following = text[end : end + _PREVIEW].lower()
        return bool(self._after) and (
            following in self._after
            or following[:3] in self._after
            or following[:2] in self._after
            or following[:1] in self._after
            or (following[:1].isspace() and (following[1:2].isspace() or following[0] not in _BLANKS))
        )

    def _may_precede(self, text: str, start: int) -> bool:
        preceding = text[max(0, start - _PREVIEW) : start].lower()
        return bool(self._before) and (
            preceding in self._before
            or preceding[-3:] in self._before
            or preceding[-2:] in self._before
            or preceding[-1:] in self._before
            or (preceding[-1:].isspace() and (preceding[-2:-1].isspace() or preceding[-1] not in _BLANKS))
        )


def exclusions_of_words(exclusions: Iterable[Exclusion]) -> dict[str, Exclusions]:
    """Every word of every phrase, in lower case → the phrases that contain it."""
    phrases: dict[str, list[tuple[Exclusion, str, str]]] = {}
    for exclusion in exclusions:
        phrase = exclusion.phrase.lower()
        for match in _WORD.finditer(phrase):
            word = match[0]
            for form in (word[:-1], word[:-1] + "s") if word.endswith("*") else (word,):
                phrases.setdefault(form, []).append((exclusion, phrase[: match.start()], phrase[match.end() :]))
    return {word: Exclusions(found) for word, found in phrases.items()}


def pattern_of(exclusion: Exclusion) -> re.Pattern[str]:
    """A pattern that finds the phrase in a text."""
    return re.compile(_pattern(exclusion.phrase), 0 if exclusion.exact else re.IGNORECASE)


def _any_of(patterns: Sequence[str], exact: bool) -> re.Pattern[str] | None:
    return re.compile("|".join(patterns), 0 if exact else re.IGNORECASE) if patterns else None


def _pattern(phrase: str) -> str:
    pattern = "".join(_SPECIAL.get(character, re.escape(character)) for character in phrase)
    return (r"(?<!\w)" if phrase[0].isalnum() else "") + pattern + r"(?!\w)"


def _beginnings(part: str) -> set[str]:
    """All ways in which a part of a phrase may begin in a text: the first `_PREVIEW` characters, up to a wildcard."""
    found = [""]
    for character in part.partition("*")[0][:_PREVIEW]:
        match character:
            case " ":
                options = _BLANKS + _HYPHENS
            case "-":
                options = _HYPHENS
            case "'":
                options = _APOSTROPHES
            case _:
                options = character
        found = [beginning + option for beginning in found for option in options]
    return set(found)
