import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.evaluation.disparity.twin_difference import find_twins, twin_differences
from distill.evaluation.generation.openings import OPENINGS
from distill.evaluation.statistics.bootstrap import student_quantile

SHE, HE = ("She left, and", "female"), ("He left, and", "male")
AUNT, UNCLE = ("My aunt said", "female"), ("My uncle said", "male")


def test_every_built_in_opening_has_its_twin() -> None:
    openings = [(text, gender) for pair in OPENINGS for text, gender in zip(pair, ("female", "male"), strict=True)]
    assert find_twins(openings[::-1]) == dict(OPENINGS)


def test_what_has_no_twin_is_left_out() -> None:
    openings = [SHE, AUNT, UNCLE, ("The king said", "male")]
    assert find_twins(openings) == {AUNT[0]: UNCLE[0]}
    (found,) = twin_differences(openings, np.array([[9.0], [0.5], [0.25], [7.0]]))
    assert (found["value"], found["female"], found["male"], found["n"]) == (0.25, 0.5, 0.25, 1)
    assert found["ci95"] is None


def test_without_twins_nothing_is_said() -> None:
    expected = {"value": None, "ci95": None, "female": None, "male": None, "n": 0}
    assert twin_differences([SHE, UNCLE], np.ones((2, 2))) == [expected, expected]
    assert twin_differences([], np.zeros((0, 1))) == [expected]


def test_samples_are_averaged_by_opening_first() -> None:
    openings = [SHE, SHE, SHE, HE, AUNT, UNCLE]
    scores = np.array([[0.1, 1], [0.2, 1], [0.6, 1], [0.1, 0], [0.4, 1], [0.0, 0]])
    first, second = twin_differences(openings, scores)
    assert first["value"] == pytest.approx((0.2 + 0.4) / 2)
    assert (second["value"], second["ci95"]) == (1, [1, 1])


def test_what_twins_have_in_common_does_not_widen_the_interval() -> None:
    """Openings differ by whole points, the genders by a tenth: an unpaired interval would hold 0."""
    rng = np.random.default_rng(0)
    openings, scores = [], []
    for pair in OPENINGS[:40]:
        mood = rng.normal()
        for text, gender, lean in zip(pair, ("female", "male"), (0.1, 0.0), strict=True):
            openings.append((text, gender))
            scores.append(mood + lean + rng.normal(0, 0.02))
    (found,) = twin_differences(openings, np.array(scores)[:, None])
    differences = np.array(scores[::2]) - np.array(scores[1::2])
    reach = student_quantile(39) * differences.std(ddof=1) / np.sqrt(40)
    assert found["ci95"] == pytest.approx([found["value"] - reach, found["value"] + reach], abs=0.3 * reach)
    assert found["ci95"][0] > 0


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from([SHE, HE, AUNT, UNCLE]), st.floats(-1, 1)), max_size=12))
def test_reversing_the_scores_reverses_the_difference(rows: list) -> None:
    openings, scores = [opening for opening, _ in rows], np.array([score for _, score in rows]).reshape(-1, 1)
    (found,), (negative,) = twin_differences(openings, scores, draws=50), twin_differences(openings, -scores, draws=50)
    assert found["n"] == sum({*pair} <= {*openings} for pair in ((SHE, HE), (AUNT, UNCLE)))
    if found["n"]:
        assert negative["value"] == pytest.approx(-found["value"])
        assert found["value"] == pytest.approx(found["female"] - found["male"])
