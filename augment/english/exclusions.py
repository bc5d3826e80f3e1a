"""Phrases in which a gendered word stays (“king size”, “thank God”): which of them covers a word of a text?"""

import re
from collections.abc import Iterable, Sequence

from augment.english.lexicon import Exclusion

_SIGNS = {" ": r"(?:\s+|[-‐‑])", "-": "[-‐‑]", "'": "['’]", "*": r"\w*"}
_HYPHENS, _BLANKS, _APOSTROPHES = "-‐‑", " \t\n\r\xa0", "'’"
_WORD = re.compile(r"[^\W_]+\*?")

# How many characters around the word a phrase may take up: twice its own, if that is more, for blanks and wildcards.
_LEAST_REACH = 40
# How many characters beside the word are compared before a pattern is tried.
_GLANCE = 4


class Exclusions:
    """The phrases that hold one word."""

    def __init__(self, phrases: Iterable[tuple[Exclusion, str, str]]):
        """`phrases`: each with its parts before and behind the word."""
        self.only_hyphenated = True
        # By kind: phrases that begin with the word, which are matched where it stands, and those to be searched for.
        patterns: dict[tuple[bool, bool], tuple[list[str], list[str]]] = {}
        self._reach = _LEAST_REACH
        self._alone = False
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
                self._alone = True
        self._patterns = tuple(
            (_any_of(beginning, exact), _any_of(around, exact), tells)
            for (exact, tells), (beginning, around) in patterns.items()
        )

    def cover(self, text: str, start: int, end: int) -> bool | None:
        """None where no phrase covers text[start:end]; otherwise whether the phrase tells a gender."""
        may_begin = self._alone or self._may_follow(text, end)
        may_surround = self._alone or self._may_precede(text, start)
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

    # One side of a phrase is enough to rule it out, at a glance; several blanks side by side are left to the pattern.
    def _may_follow(self, text: str, end: int) -> bool:
        beside = text[end : end + _GLANCE].lower()
        return bool(self._after) and (
            beside in self._after
            or beside[:3] in self._after
            or beside[:2] in self._after
            or beside[:1] in self._after
            or (beside[:1].isspace() and (beside[1:2].isspace() or beside[0] not in _BLANKS))
        )

    def _may_precede(self, text: str, start: int) -> bool:
        beside = text[max(0, start - _GLANCE) : start].lower()
        return bool(self._before) and (
            beside in self._before
            or beside[-3:] in self._before
            or beside[-2:] in self._before
            or beside[-1:] in self._before
            or (beside[-1:].isspace() and (beside[-2:-1].isspace() or beside[-1] not in _BLANKS))
        )


def exclusions_of_words(exclusions: Iterable[Exclusion]) -> dict[str, Exclusions]:
    """Every word of every phrase, in lower case, → the phrases that hold it."""
    phrases: dict[str, list[tuple[Exclusion, str, str]]] = {}
    for exclusion in exclusions:
        phrase = exclusion.phrase.lower()
        for match in _WORD.finditer(phrase):
            word = match[0]
            for form in (word[:-1], word[:-1] + "s") if word.endswith("*") else (word,):
                phrases.setdefault(form, []).append((exclusion, phrase[: match.start()], phrase[match.end() :]))
    return {word: Exclusions(found) for word, found in phrases.items()}


def pattern_of(exclusion: Exclusion) -> re.Pattern[str]:
    """Where the phrase stands in a text."""
    return re.compile(_pattern(exclusion.phrase), 0 if exclusion.exact else re.IGNORECASE)


def _any_of(patterns: Sequence[str], exact: bool) -> re.Pattern[str] | None:
    return re.compile("|".join(patterns), 0 if exact else re.IGNORECASE) if patterns else None


def _pattern(phrase: str) -> str:
    pattern = "".join(_SIGNS.get(character, re.escape(character)) for character in phrase)
    return (r"(?<!\w)" if phrase[0].isalnum() else "") + pattern + r"(?!\w)"


def _beginnings(part: str) -> set[str]:
    """All ways in which a part of a phrase may begin in a text, of `_GLANCE` characters or up to a wildcard."""
    found = [""]
    for character in part.partition("*")[0][:_GLANCE]:
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
