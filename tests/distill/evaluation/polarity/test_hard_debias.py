import numpy as np
import pytest

from distill.errors import UserError
from distill.evaluation.polarity.hard_debias import (
    DebiasWords,
    debias_words,
    gender_direction,
    hard_debiased,
    word_polarities,
)

NAMES = [
    *("she", "he", "woman", "man", "her", "his", "girl", "boy", "mother", "father"),
    *("nurse", "doctor", "actress", "king", "queen"),
]
TOLD = DebiasWords(
    definitional=(("she", "he"), ("woman", "man"), ("her", "his"), ("girl", "boy"), ("mother", "father")),
    equalised=(("he", "she"), ("man", "woman"), ("king", "queen")),
    gender_specific=frozenset(NAMES) - {"nurse", "doctor"},
)


@pytest.fixture
def vectors() -> np.ndarray:
    """Gender along the first axis, “nurse” with some of it, and noise in 30 others."""
    rng = np.random.default_rng(0)
    gender = np.array([2, -1.5, 1.5, -1, 2, -2, 1.2, -1.8, 1.6, -1.4, 1, -0.5, 1.5, -1, 0.4])
    return np.column_stack([gender, rng.normal(0, 0.3, size=(len(NAMES), 30))])


def test_the_words_are_complete() -> None:
    told = debias_words()
    assert (len(told.definitional), len(told.equalised), len(told.gender_specific)) == (10, 52, 1441)
    assert ("gal", "guy") in told.definitional
    assert {"he", "She", "prostate_cancer", "fiancé", "ma'am"} <= told.gender_specific
    assert "nurse" not in told.gender_specific
    lowered = [word.lower() for pair in told.equalised for word in pair]
    doubled = {word for word in lowered if lowered.count(word) > 1}
    assert all({one.lower(), other.lower()} <= doubled or not {one.lower(), other.lower()} & doubled
               for one, other in told.equalised)  # fmt: skip


def test_the_direction_is_the_first_component_of_centred_pairs(vectors: np.ndarray) -> None:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = {name: row for row, name in enumerate(NAMES)}
    centred = []
    for female, male in TOLD.definitional:
        pair = unit[[rows[female], rows[male]]]
        centred += [*(pair - pair.mean(axis=0))]
    _, components = np.linalg.eigh(np.cov(np.array(centred).T))
    direction = gender_direction(unit, rows, TOLD.definitional)
    assert abs(direction @ components[:, -1]) == pytest.approx(1)
    assert direction[0] > 0.9


def test_neutral_words_lose_their_gender_and_pairs_share_theirs(vectors: np.ndarray) -> None:
    polarities = word_polarities(NAMES, vectors, TOLD)
    assert {"nurse", "doctor"}.isdisjoint(polarities)
    assert polarities["man"] == pytest.approx(-polarities["woman"])
    assert polarities["king"] == pytest.approx(-polarities["queen"])
    assert polarities["queen"] > 0 > polarities["his"]
    assert polarities["actress"] > 0.25


def test_debiased_vectors_are_of_unit_length_and_pairs_differ_along_the_direction_only(vectors: np.ndarray) -> None:
    debiased = hard_debiased(NAMES, vectors, TOLD)
    assert np.linalg.norm(debiased, axis=1) == pytest.approx(1)
    rows = {name: row for row, name in enumerate(NAMES)}
    pairs = [debiased[rows[one]] - debiased[rows[other]] for one, other in (("she", "he"), ("queen", "king"))]
    cosine = pairs[0] @ pairs[1] / np.linalg.norm(pairs[0]) / np.linalg.norm(pairs[1])
    assert cosine == pytest.approx(1)
    # Neutral words are equally far from both words of a pair.
    for name in ("nurse", "doctor"):
        assert debiased[rows[name]] @ pairs[0] == pytest.approx(0, abs=1e-12)


def test_other_vectors_are_refused() -> None:
    with pytest.raises(UserError, match="no she and no he"):
        word_polarities(["chat", "chien"], np.eye(2))
    with pytest.raises(UserError, match="1 of 10 pairs such as woman and man"):
        word_polarities(["she", "he"], np.eye(2))
