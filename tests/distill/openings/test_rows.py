"""Openings as rows: shares, order and breadth."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.openings import lists
from distill.openings.rows import fill, opening_rows


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 300), st.floats(0, 1), st.integers(0, 2**31))
def test_the_share_of_people_is_kept_and_a_seed_repeats(count: int, share: float, seed: int) -> None:
    rows = opening_rows(count, share, seed)
    assert len(rows) == count
    assert sum(row.kind == "person" for row in rows) == round(count * share)
    assert rows == opening_rows(count, share, seed)


def test_every_combination_comes_once_before_one_comes_twice() -> None:
    combinations = len(lists.occupations()) * len(lists.openings())
    rows = opening_rows(combinations, 0, 1)
    assert {row.subject for row in rows} == set(lists.occupations())
    assert len({row.text for row in rows}) == combinations
    assert set(Counter(row.subject for row in rows).values()) == {len(lists.openings())}
    assert rows[:100] != opening_rows(combinations, 0, 2)[:100]


def test_half_of_the_people_are_women() -> None:
    women = {female for _, female in lists.people()}
    subjects = [row.subject for row in opening_rows(2000, 1.0, 1)]
    assert sum(subject in women for subject in subjects) == 1000


@pytest.mark.parametrize(
    ("opening", "subject", "text"),
    [
        ("{} hoped that", "my aunt", "My aunt hoped that"),
        ("While {} waited,", "the glazier", "While the glazier waited,"),
    ],
)
def test_a_sentence_begins_with_a_capital(opening: str, subject: str, text: str) -> None:
    assert fill(opening, subject) == text
