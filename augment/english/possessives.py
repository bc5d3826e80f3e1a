"""Possessive endings of pairs whose two words take different ones: ladies' → gentlemen's."""

import re

APOSTROPHES = ("'", "’")

_POSSESSED = re.compile(r"[^\S\n]*(?:\n[^\S\n]*)?[^\W_]")
_OPENING_QUOTE = re.compile(r"(?<![^\s(\[—–\"“])['‘](?=\w)")
_CLOSING_QUOTE = re.compile(r"['’](?!\w)")
_QUOTE_REACH = 300


def with_possessive(text: str, start: int, end: int, counterpart: str) -> tuple[int, str, bool]:
    """Exchange a possessive ending along with its word: ladies' → gentlemen's.

    An apostrophe may also close a quotation; the words that follow decide which of the two it is.

    Args:
        text: The text.
        start: Where the word starts.
        end: Where the word ends, and an apostrophe stands.
        counterpart: What the word becomes.

    Returns:
        Where the word ends with its possessive ending, the counterpart with its own, and whether the words that follow
        decided it.
    """
    word, mark = text[start:end], text[end]
    if word[-1] in "sS" and counterpart[-1] not in "sS":
        follows = _POSSESSED.match(text, end + 1)
        if follows is not None and follows.end() > end + 2 and not _is_quoted(text, start):
            return end + 1, counterpart + mark + ("S" if word.isupper() else "s"), True
    elif word.lower().endswith("men") and counterpart[-1] in "sS":
        ending = text[end + 1 : end + 3]
        if ending[:1] == ("S" if word.isupper() else "s") and not ending[1:].isalnum():
            return end + 2, counterpart + mark, False
    return end, counterpart, False


def _is_quoted(text: str, start: int) -> bool:
    # Up to the first letter of the word, since the pattern looks at the letter after the opening quotation mark.
    openings = list(_OPENING_QUOTE.finditer(text, max(0, start - _QUOTE_REACH), start + 1))
    return bool(openings) and _CLOSING_QUOTE.search(text, openings[-1].end(), start) is None
