import pytest

from distill.evaluation.coherence import coherence


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


def test_one_prompt_has_a_value_and_no_interval() -> None:
    assert coherence([("a", "female", "female"), ("a", "female", "male")]) == {"value": 0.5, "ci95": None, "n": 2}
