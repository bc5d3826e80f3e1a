"""Finds the surface forms in a text: every whole word that is one of them, in order.

ASCII text is split at everything but letters and digits, and its words are looked up as bytes: that is faster than with
strings, and than a pattern, which has to try its branches at every word. Text with non-ASCII letters, and words that
contain an apostrophe, need the pattern.
"""

import re
from collections.abc import Iterable, Iterator

_PIECE = 1 << 16
"""Characters that are searched at once; more if there is no boundary between words."""

# No form contains these.
_BETWEEN_WORDS = re.compile(r"[\x00-&(-/:-@\[-`{-\x7f]")

_LETTERS_AND_DIGITS = bytes(code if chr(code).isalnum() else ord(" ") for code in range(128)) + b" " * 128
_MARKS = "’“”—–‘…\xa0"
_LETTERS = re.compile(r"[a-zA-Z]+")
_NON_ASCII_WORD = r"[^\W\d_a-zA-Z][^\W_]*+"

_Trie = dict[str, "_Trie"]


class WordSearch:
    """Finds these forms, which consist of letters with apostrophes between them.

    >>> list(WordSearch(["he", "ma'am", "He"]).find("he said “Yes, ma'am”, her head"))
    [('he', 0), ("ma'am", 14)]
    """

    def __init__(self, forms: Iterable[str]):
        forms = list(forms)
        parted = [form for form in forms if not form.isalnum()]
        # “ma” of “ma'am”: where it is found, the longer form may be, too.
        openers = {match[0] for form in parted if (match := _LETTERS.match(form))}
        self._openers = {opener.encode() for opener in openers}
        whole = {form for form in forms if form.isascii() and form.isalnum()}
        # Form as bytes → the form, and the bytes of it as a whole word
        self._looked_up = {form.encode(): (form, f" {form} ".encode()) for form in whole | openers}
        self._pattern = word_pattern(forms)

    def find(self, text: str) -> Iterator[tuple[str, int]]:
        """Each form in the text and where it begins, in order.

        Words that begin with a non-ASCII letter are yielded too, whether they are forms or not. There is no letter or
        digit next to a form, except that a non-ASCII letter may come before it.
        """
        looked_up = self._looked_up
        for first, piece in _pieces(text):
            plain = piece if piece.isascii() else _without_marks(piece)
            words = plain.encode().translate(_LETTERS_AND_DIGITS) if plain.isascii() else None
            found = [] if words is None else [word for word in words.split() if word in looked_up]
            if words is None or not self._openers.isdisjoint(found):
                for match in self._pattern.finditer(f" {piece} "):
                    yield match[1], first + match.start()
                continue
            words = b" " + words + b" "
            position = -1
            for word in found:
                form, whole_word = looked_up[word]
                position = words.find(whole_word, position + 1)
                yield form, first + position


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces that end between two words, each with the position where it begins."""
    first = 0
    while len(text) - first > _PIECE:
        end = _BETWEEN_WORDS.search(text, first + _PIECE)
        if end is None:
            break
        yield first, text[first : end.start()]
        first = end.start()
    yield first, text[first:] if first else text


def _without_marks(text: str) -> str:
    for mark in _MARKS:
        text = text.replace(mark, " ")
    return text


def word_pattern(forms: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds, as its group 1, whole words that are forms, and words that begin with a non-ASCII letter.

    A match begins with the character before the word, so a blank must be put before the text: searching for one set of
    characters is faster than looking back from every position. That character may be a non-ASCII letter: a set of all
    letters would be slower to search for.
    """
    small = [form for form in forms if "a" <= form[0] <= "z"]
    large = [form for form in forms if "A" <= form[0] <= "Z"]
    other = sorted((form for form in forms if form[0] > "z" and not form.isalpha()), key=len, reverse=True)
    # Most words begin with a lower-case letter and are not forms: they are ruled out without trying the capitals.
    branches = [*_by_first_letter(small), rf"(?=[A-Z])(?:{'|'.join(_by_first_letter(large))})"]
    branches += [*map(re.escape, other), _NON_ASCII_WORD]
    return re.compile(rf"[^a-zA-Z0-9]({'|'.join(branches)})(?![^\W_])")


def _by_first_letter(words: Iterable[str]) -> list[str]:
    """A pattern for each first letter."""
    root: _Trie = {}
    for word in words:
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return [re.escape(letter) + _branches(rest) for letter, rest in root.items()]


def _branches(node: _Trie) -> str:
    ends = "" in node
    branches = [re.escape(letter) + _branches(rest) for letter, rest in node.items() if letter]
    if not branches:
        return ""
    joined = branches[0] if len(branches) == 1 and not ends else f"(?:{'|'.join(branches)})"
    return joined + "?" if ends else joined
