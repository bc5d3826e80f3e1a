"""Is a word part of the prose, or of a URL, an e-mail address, code or an HTML tag?"""

import re
import unicodedata

# A word between these, or at an end of the text, is prose; other neighbours go through `is_prose`.
PLAIN_BEFORE = frozenset(["", *' \n\t\r"“”‘’(—–\xa0…'])
_MARKS = frozenset(".:")
_APOSTROPHES = frozenset("'’")
_JOINERS = frozenset("\u200c\u200d\u00ad")
PLAIN_AFTER = frozenset(["", *' \n\t\r"”“’),;!?—–\xa0…'])

_CHUNK_AFTER = re.compile(r"[^\s<]*")
_NO_PROSE = re.compile(
    r"""
      ://  | ^www\.                             # URL
    | [^\W_]@[^\W_] | ^[(\[\"“‘']*@[^\W_]          # e-mail address, @handle
    | ::  | ->  | =>  | \\  | [{}=|$] | \#\w        # code, markup, #hashtag
    | ^[(\[\"“‘'`]*(?:~|\.{0,2})/ | //              # path; not “his/her.” or “he/him/his”
    """,
    re.VERBOSE,
)
# Together with a slash, and no blank between them, it is a path: “lib/his.py”, “2/her”.
_DOTTED_OR_DIGIT = re.compile(r"\w[._]\w|\d")
_EMPHASIS = re.compile(r"(?<!\w)_{1,2}(?=[^\s_])[^_\n]*(?:\n[^_\n]+)*(?<=[^\s_])_{1,2}(?!\w)")
_BOTH = re.compile(r"(?:\([a-z]+\)|(?<![^\W_])(?:s|wo)/)$", re.IGNORECASE)
_TAG_OPENS = re.compile(r"<(?:/?[A-Za-z]|!)[^<>]*$")
_TAG_CLOSES = re.compile(r"[^<>]*>")
_TAG_LENGTH = 400


def is_prose(text: str, start: int, end: int) -> bool:
    """Whether the word at text[start:end] is part of the prose.

    >>> is_prose("ask his wife", 4, 7), is_prose("user.his = 1", 5, 8), is_prose("@his", 1, 4)
    (True, False, False)
    """
    before, after = text[start - 1 : start], text[end : end + 1]
    if before in PLAIN_BEFORE:
        if after in PLAIN_AFTER:
            return True
        # the end of a sentence, or “she’s”
        if after in _MARKS and text[end + 1 : end + 2] in PLAIN_AFTER:
            return True
        if after in _APOSTROPHES and text[end + 1 : end + 2] == "s" and text[end + 2 : end + 3] in PLAIN_AFTER:
            return True
    return _is_prose_between(text, start, end, before or " ", after or " ")


def is_in_tag(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is between the < and > of an HTML tag."""
    opening = text.rfind("<", max(0, start - _TAG_LENGTH), start)
    if opening < 0 or _TAG_OPENS.match(text, opening, start) is None:
        return False
    return _TAG_CLOSES.match(text, end, end + _TAG_LENGTH) is not None


def is_compound(text: str, start: int, end: int) -> bool:
    """Whether the word at text[start:end] is part of a hyphenated one."""
    return (start > 1 and text[start - 1] in "-‐‑" and text[start - 2].isalnum()) or (
        end + 1 < len(text) and text[end] in "-‐‑" and text[end + 1].isalnum()
    )


def _is_prose_between(text: str, start: int, end: int, before: str, after: str) -> bool:
    if before.isalnum() or _joins(before) or _joins(after):
        return False
    # “(s)he”, “s/he”, “(wo)man” name both genders already.
    if _BOTH.search(text, max(0, start - 4), start):
        return False
    if before in "@#$\\&%" or after in "@\\=[(" or (before == "`" and after == "`"):
        return False
    if before == ">" and text[start - 2 : start - 1] in ("-", "="):
        return False
    if "_" in (before, after):
        return any(m.start() < start and end < m.end() for m in _emphasised(text, start, end))
    if before == "." and start > 1 and text[start - 2].isalnum() and not text[start].isupper():
        return False
    if after == "." and end + 1 < len(text) and _is_lower_or_digit(text[end + 1]):
        return False
    chunk = _chunk(text, start, end)
    # One pattern for both would try every slash with every dot.
    if "/" in chunk and any("/" in piece and _DOTTED_OR_DIGIT.search(piece) for piece in chunk.split()):
        return False
    return _NO_PROSE.search(chunk) is None


def _joins(character: str) -> bool:
    # Combining marks and joiners belong to the letter before them and make it a different word. Other zero-width
    # characters (a byte order mark, a zero-width space, a direction mark) are merely next to it.
    return character > "\x7f" and (character in _JOINERS or unicodedata.category(character) in ("Mn", "Mc", "Me"))


def _is_lower_or_digit(character: str) -> bool:
    return character.islower() or character.isdigit() or character == "_"


def _emphasised(text: str, start: int, end: int) -> list[re.Match[str]]:
    return list(_EMPHASIS.finditer(text, max(0, start - 200), end + 200))


def _chunk(text: str, start: int, end: int) -> str:
    left = max(0, start - 200)
    space = max(text.rfind(blank, left, start) for blank in " \n\t\r>")
    right = _CHUNK_AFTER.match(text, end, end + 200)
    return text[max(left, space + 1) : right.end() if right else end]
