"""The search for gendered words: every whole word of them, and nothing inside another word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.english import word_search as search
from augment.english.word_search import WordSearch, word_pattern

FORMS = ["he", "her", "hero", "ma'am", "ma’am", "He", "HER", "Émile", "né", "né'e"]
SEARCH = WordSearch(FORMS)
PATTERN = word_pattern(FORMS)
WORD = re.compile(r"[^\W_]+")
ASCII = ["_", "'s", ".", " ", "1", "x", "\n", "\t", ",", "\x1c", "ma", "am"]
WITHOUT_A_WIDTH = ["\ufeff", "\u200b", "\u200c", "\u200d", "\u200e", "\u2060", "\u00ad"]
PARTS = st.sampled_from([*FORMS, *ASCII, *WITHOUT_A_WIDTH, "é", "’", "“", "…", "\xa0", "\u0301", "\u2028"])
TEXTS = st.lists(PARTS | st.text(max_size=3)).map("".join)
PLAIN = st.lists(
    st.sampled_from(["he", "her", "hero", "He", "ma'am", *ASCII]) | st.text(st.characters(max_codepoint=127))
).map("".join)


def found(text: str) -> list[tuple[int, int]]:
    return [(start, start + len(form)) for form, start in SEARCH.find(text) if form in FORMS]


@given(TEXTS)
def test_every_whole_word_is_found(text: str) -> None:
    whole = {match.span() for match in WORD.finditer(text) if match[0] in FORMS}
    spans = found(text)
    assert whole <= {
        *spans,
        # Nothing is looked for inside what was found: “ma'am” holds “am”.
        *(span for span in whole for start, end in spans if start <= span[0] and span[1] <= end),
    }


@given(TEXTS)
def test_no_part_of_a_word_is_found(text: str) -> None:
    spans = found(text)
    assert spans == sorted(set(spans))
    for start, end in spans:
        assert text[start:end] in FORMS
        assert not text[end : end + 1].isalnum()
        # Letters beyond ASCII may stand before it: `is_prose` sees to that.
        assert not re.fullmatch("[a-zA-Z0-9]", text[start - 1 : start] if start else "")


@given(PLAIN)
def test_text_cut_at_its_blanks_gives_what_the_pattern_gives(text: str) -> None:
    by_pattern = [(match[1], match.start()) for match in PATTERN.finditer(f" {text} ")]
    assert list(SEARCH.find(text)) == by_pattern


@given(TEXTS, st.integers(1, 20))
def test_a_long_text_is_searched_in_pieces(text: str, length: int) -> None:
    whole = list(SEARCH.find(text))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "_PIECE", length)
        assert list(SEARCH.find(text)) == whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("he hero he", [("he", 0), ("hero", 3), ("he", 8)]),
        ("“He said, ma'am—", [("He", 1), ("ma'am", 10)]),
        ("user_he1 he_x", [("he", 9)]),
        ("Émile, né her", [("Émile", 0), ("né", 7), ("her", 10)]),
    ],
)
def test_examples(text: str, expected: list[tuple[str, int]]) -> None:
    assert list(SEARCH.find(text)) == expected
