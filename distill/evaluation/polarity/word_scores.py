"""The words of a text, and their scores in a table."""

import re
from collections.abc import Mapping

# Hyphenated words are left out ("man-made"), but a hyphen next to a space or another hyphen is a dash ("it--he").
# "s/he" and "(s)he" do not contain "he". Punctuation and underscores are not part of a word ("her," "_She_"),
# apostrophes are.
_WORD = re.compile(r"(?<![^\W_])(?<!\w-)(?<!\bs/)(?<!\(s\))[^\W_]++(?:['’][^\W_]++)*+(?!-\w)", re.IGNORECASE)

_REMEMBERED = 1 << 17
"""Number of word forms whose score is cached: more than occur in a text of a million words."""


def words(text: str) -> list[str]:
    """Return the words of a text as they are written, without hyphenated words."""
    return _WORD.findall(text)


class WordScores(dict[str, float]):
    """Cached scores of words in a table; 0 for words that are not in the table.

    A word is looked up as it is written, then in lower case; contractions and possessives that are not found ("he'll",
    "the man's") are looked up by the part before the apostrophe. The cache is cleared when it contains too many forms.
    """

    def __init__(self, table: Mapping[str, float]) -> None:
        super().__init__()
        self.table = table

    def __missing__(self, form: str) -> float:
        # Models keep inventing words.
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
        """Return (start, end, score) for each word whose score is not 0, in order; character offsets into `text`."""
        return [
            (match.start(), match.start() + len(self._known(match.group()) or ""), self[match.group()])
            for match in _WORD.finditer(text)
            if self[match.group()]
        ]
