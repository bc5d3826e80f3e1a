"""The pattern that finds gendered words: every whole word of them, and nothing inside another word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.prose import PLAIN_AFTER
from augment.surface import FOLLOWED_PLAINLY, candidates

FORMS = ["he", "her", "hero", "ma'am", "He", "HER", "Émile"]
PATTERN = candidates(FORMS)
WORD = re.compile(r"[^\W_]+")
TEXTS = st.lists(st.one_of(st.sampled_from([*FORMS, "é", "_", "'s", ".", " ", "1", "x"]), st.text(max_size=3))).map(
    "".join
)


def found(text: str) -> dict[tuple[int, int], bool]:
    """Span of each form that was found → whether it is followed plainly."""
    matches = PATTERN.finditer(f" {text} ")
    return {(m.start(), m.end() - 1): m.lastindex == FOLLOWED_PLAINLY for m in matches if m[1] in FORMS}


@given(TEXTS)
def test_every_whole_word_is_found(text: str) -> None:
    whole = {match.span() for match in WORD.finditer(text) if match[0] in FORMS}
    assert whole <= found(text).keys() | {
        # Nothing is looked for inside what was found: “ma'am” holds “am”.
        span
        for span in whole
        if any(start <= span[0] and span[1] <= end and (start, end) != span for start, end in found(text))
    }


@given(TEXTS)
def test_no_part_of_a_word_is_found(text: str) -> None:
    for start, end in found(text):
        assert text[start:end] in FORMS
        assert not text[end : end + 1].isalnum()
        # A letter beyond ASCII may stand before it: `is_prose` sees to that.
        assert not re.fullmatch("[a-zA-Z0-9]", text[start - 1 : start] if start else "")


@given(TEXTS)
def test_what_follows_plainly(text: str) -> None:
    for (_, end), plainly in found(text).items():
        mark = re.match(r"[.:]|['’]s", text[end:])
        ends = {end, end + len(mark[0])} if mark else {end}
        assert plainly == any(text[at : at + 1] in PLAIN_AFTER for at in ends)


@pytest.mark.parametrize(("text", "plainly"), [("he.", True), ("he’s", True), ("he.com", False), ("he-man", False)])
def test_examples(text: str, plainly: bool) -> None:
    assert found(text) == {(0, 2): plainly}
