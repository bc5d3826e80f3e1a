"""Where the surface forms stand in a text: every whole word that is one of them, in order.

Plain text is cut at whatever is no letter and no digit, and its words are looked up, as bytes: faster than strings, and
than a pattern, which has to try its branches at every word. Text with letters beyond ASCII, and words that hold an
apostrophe, need one.
"""

import re
from collections.abc import Iterable, Iterator

_PIECE = 1 << 16
"""Characters whose words are held at once, or some more where they have nothing between them."""

# No form holds these, on either side of them.
_BETWEEN_WORDS = re.compile(r"[\x00-&(-/:-@\[-`{-\x7f]")

_LETTERS_AND_DIGITS = bytes(code if chr(code).isalnum() else ord(" ") for code in range(128)) + b" " * 128
_MARKS = "’“”—–‘…\xa0"
_LETTERS = re.compile(r"[a-zA-Z]+")
_BEYOND_ASCII = r"[^\W\d_a-zA-Z][^\W_]*+"


class WordSearch:
    """Finds these forms, which are made of letters, and apostrophes between them.

    >>> list(WordSearch(["he", "ma'am", "He"]).find("he said “Yes, ma'am”, her head"))
    [('he', 0), ("ma'am", 14)]
    """

    def __init__(self, forms: Iterable[str]):
        forms = list(forms)
        parted = [form for form in forms if not form.isalnum()]
        # “ma” of “ma'am”: where it stands, there may be more to find than it.
        openers = {match[0] for form in parted if (match := _LETTERS.match(form))}
        self._openers = {opener.encode() for opener in openers}
        whole = {form for form in forms if form.isascii() and form.isalnum()}
        # Each as bytes → itself, and itself as a whole word.
        self._looked_up = {form.encode(): (form, f" {form} ".encode()) for form in whole | openers}
        self._pattern = word_pattern(forms)

    def find(self, text: str) -> Iterator[tuple[str, int]]:
        """Each form that stands in the text, and where it begins; also words that begin beyond ASCII, of any kind.

        Letters and digits stand neither before nor behind it, but for letters beyond ASCII before it.
        """
        looked_up = self._looked_up
        for first, piece in _pieces(text):
            plain = piece if piece.isascii() else _without_marks(piece)
            found = None
            if plain.isascii():
                cut = plain.encode().translate(_LETTERS_AND_DIGITS)
                found = [word for word in cut.split() if word in looked_up]
            if found is None or not self._openers.isdisjoint(found):
                for match in self._pattern.finditer(f" {piece} "):
                    yield match[1], first + match.start()
                continue
            words = b" " + cut + b" "
            position = -1
            for word in found:
                form, alone = looked_up[word]
                position = words.find(alone, position + 1)
                yield form, first + position


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces that end between two words, each with its place."""
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
    """A pattern that finds every whole word among these forms as its group 1, and words that begin beyond ASCII.

    A match begins with the character before the word: a search for one set of characters is faster than a look back
    from every position. So put a blank before the text. That character may be a letter beyond ASCII, too: a table of
    all letters would be slower to search with.
    """
    small = [form for form in forms if "a" <= form[0] <= "z"]
    large = [form for form in forms if "A" <= form[0] <= "Z"]
    other = sorted((form for form in forms if form[0] > "z" and not form.isalpha()), key=len, reverse=True)
    # Most words are none of the forms and begin with a small letter: those are told apart without a look at the large.
    branches = [*_by_first_letter(small), rf"(?=[A-Z])(?:{'|'.join(_by_first_letter(large))})"]
    branches += [*map(re.escape, other), _BEYOND_ASCII]
    return re.compile(rf"[^a-zA-Z0-9]({'|'.join(branches)})(?![^\W_])")


def _by_first_letter(words: Iterable[str]) -> list[str]:
    """A pattern for each first letter."""
    root: dict[str, dict] = {}
    for word in words:
        node = root
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return [re.escape(letter) + _branches(rest) for letter, rest in root.items()]


def _branches(node: dict[str, dict]) -> str:
    ends = "" in node
    branches = [re.escape(letter) + _branches(rest) for letter, rest in node.items() if letter]
    if not branches:
        return ""
    joined = branches[0] if len(branches) == 1 and not ends else f"(?:{'|'.join(branches)})"
    return joined + "?" if ends else joined
