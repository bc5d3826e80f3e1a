import pytest

from distill.evaluation.disparity.coherence import coherence
from distill.evaluation.statistics.proportions import wilson


def test_only_the_prompts_gender_alone_keeps_it() -> None:
    result = coherence(
        [
            ("a", "female", "female"),
            ("a", "female", "mixed"),
            ("a", "female", "neutral"),
            ("b", "male", "male"),
            ("b", "male", "female"),
            ("b", "male", "male"),
        ]
    )
    assert result["n"] == 5
    assert result["value"] == pytest.approx(3 / 5)
    assert result["ci95"][0] <= 3 / 5 <= result["ci95"][1]


def test_nothing_gendered_says_nothing() -> None:
    assert coherence([("a", "female", "neutral"), ("b", "male", "neutral")]) == {"value": None, "ci95": None, "n": 0}
    assert coherence([]) == {"value": None, "ci95": None, "n": 0}


def test_prompts_that_agree_are_no_certainty() -> None:
    assert coherence([(prompt, "female", "female") for prompt in "abcdef"])["ci95"] == pytest.approx(wilson(6, 6))
    assert coherence([(prompt, "female", "male") for prompt in "abcdef"])["ci95"] == pytest.approx(wilson(0, 6))


def test_prompts_that_differ_are_no_independent_texts() -> None:
    rows = [(prompt, "female", label) for prompt, label in (("a", "female"), ("b", "male")) for _ in range(50)]
    assert coherence(rows)["ci95"] == [0.0, 1.0]


def test_one_prompt_has_a_value_and_no_interval() -> None:
    assert coherence([("a", "female", "female"), ("a", "female", "male")]) == {"value": 0.5, "ci95": None, "n": 2}
