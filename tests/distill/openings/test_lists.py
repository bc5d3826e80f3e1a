"""The lists of the training's openings: what they must share with the evaluation's (nothing), and what they tell."""

import re

import pytest

from augment import RoleReverser
from distill.evaluation.generation.openings import OPENINGS
from distill.evaluation.generation.templates import OCCUPATIONS, PRONOUN_TEMPLATES, TEMPLATES
from distill.openings import lists
from distill.openings.rows import fill

EVALUATED = [text.lower() for text in (*TEMPLATES, *PRONOUN_TEMPLATES, *(text for pair in OPENINGS for text in pair))]


@pytest.fixture(scope="module")
def reverser() -> RoleReverser:
    return RoleReverser(names=True)


def test_there_is_breadth() -> None:
    assert len(set(lists.occupations())) == len(lists.occupations()) >= 356
    assert len(set(lists.openings())) == len(lists.openings()) >= 44
    assert all(opening.count("{}") == 1 for opening in lists.openings())


def test_no_occupation_is_evaluated_by_default() -> None:
    evaluated = re.compile(rf"\b({'|'.join(OCCUPATIONS)})(s|es)?\b", re.IGNORECASE)
    for occupation in lists.occupations():
        assert not evaluated.search(occupation)


def test_no_opening_is_evaluated_by_default() -> None:
    for opening in lists.openings():
        parts = [part.strip().lower() for part in opening.split("{}") if part.strip()]
        assert not [text for text in EVALUATED if all(part in text for part in parts)], opening


def test_occupations_adjectives_and_openings_reveal_no_gender(reverser: RoleReverser) -> None:
    texts = [fill("{} hoped that", f"the {occupation}") for occupation in lists.occupations()]
    texts += [fill("{} hoped that", f"the {adjective} glazier") for adjective in lists.adjectives()]
    texts += [fill(opening, "the glazier") for opening in lists.openings()]
    for reversal in reverser.reverse_all(texts):
        assert not reversal.swaps, reversal.text
        assert not reversal.tells, reversal.text


def test_people_are_exchanged_for_each_other(reverser: RoleReverser) -> None:
    for pair in lists.people():
        for one, other in (pair, pair[::-1]):
            assert reverser.reverse(fill("{} hoped that", one)).counterfactual == fill("{} hoped that", other)
