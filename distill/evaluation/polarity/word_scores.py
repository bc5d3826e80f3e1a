"""The words of a text, and their scores by a table."""

import re
from collections.abc import Mapping

# A hyphen between letters makes another word ("man-made"), one beside a space or a second hyphen does not ("it--he").
# "s/he" and "(s)he" are no "he". Punctuation and underscores are no part of a word ("her," "_She_"), apostrophes are.
_WORD = re.compile(r"(?<![^\W_])(?<!\w-)(?<!\bs/)(?<!\(s\))[^\W_]++(?:['’][^\W_]++)*+(?!-\w)", re.IGNORECASE)

_REMEMBERED = 1 << 17
"""Word forms whose score is remembered: more than a text of a million words has."""


def words(text: str) -> list[str]:
    """The words of a text as they are written, hyphenated ones left out."""
    return _WORD.findall(text)


class WordScores(dict[str, float]):
    """The score of each word by a table; 0 where the table does not hold it.

    A word is looked up as it is written, else in small letters; a contraction or a possessive that is not found so
    ("he'll", "the man's") through what stands before its apostrophe. What is found is remembered, until
    too many forms are.
    """

    def __init__(self, table: Mapping[str, float]) -> None:
        super().__init__()
        self.table = table

    def __missing__(self, form: str) -> float:
        # Models make words without end.
        if len(self) >= _REMEMBERED:
            self.clear()
        known = self._known(form)
        self[form] = self.table[known] if known else 0.0
        return self[form]

    def _known(self, form: str) -> str | None:
        straight = form.replace("’", "'")
        head = straight.partition("'")[0]
        candidates = (straight, straight.lower(), head, head.lower())
        return next((candidate for candidate in candidates if candidate in self.table), None)

    def found(self, text: str) -> list[tuple[int, int, float]]:
        """(start, end, value) of each word whose value is not 0, in order: character offsets into `text`."""
        return [
            (match.start(), match.start() + len(self._known(match.group()) or ""), self[match.group()])
            for match in _WORD.finditer(text)
            if self[match.group()]
        ]
