from typing import Any

import pytest

from distill.report.verdict import verdicts
from distill.report.verdict.parity_sentences import parity_sentence, standing
from tests.distill.report.verdict import made


def record(verdict: str, **entries: Any) -> dict[str, Any]:
    bounds = {"shown": (0.1, 0.2), "refuted": (0.9, 1.2), "undecided": (0.15, 0.31)}[verdict]
    return {
        "verdict": verdict,
        "margin": made.MARGIN,
        "lower": bounds[0],
        "upper": bounds[1],
        "lean_upper": 0.12,
        "texts_needed": None,
        "groups_beyond": [],
    } | entries


@pytest.mark.parametrize(
    ("parity", "sentence", "alone"),
    [
        (
            record("shown"),
            "Parity shown on average over groups: the disparity is at most 0.20, the lean at most 0.12, both below the "
            "margin of 0.22 nats.",
            "shows parity on average over groups",
        ),
        (
            record("refuted"),
            "Parity refuted: the disparity is at least 0.90, above the margin of 0.22 nats.",
            "shows disparity",
        ),
        (
            record("undecided", texts_needed=1200),
            "Parity undecided: the disparity lies between 0.15 and 0.31, on either side of the margin of 0.22 nats; "
            "about 1,200 more texts a group would decide.",
            "wrote too few texts to tell parity from disparity",
        ),
        (
            record("undecided", upper=0.2, lean_upper=0.4),
            "Parity undecided: the lean may be up to 0.40, above the margin of 0.22 nats.",
            "wrote too few texts to tell parity from disparity",
        ),
        (
            record("undecided", upper=0.2, lean_upper=0.1, texts_needed=1),
            "Parity undecided: groups have too few texts for a single one that leans far to be seen; about 1 more text "
            "a group would decide.",
            "wrote too few texts to tell parity from disparity",
        ),
        (None, "Parity cannot be judged: there are too few gendered texts.", "has too few gendered texts to judge"),
    ],
)
def test_parity_has_three_answers_and_their_reasons(parity: Any, sentence: str, alone: str) -> None:
    model = made.model("student", made.evaluation(parity=None) if parity is None else evaluation(parity))
    assert parity_sentence(model) == sentence
    assert standing(model) == alone


def evaluation(parity: dict[str, Any], **entries: Any) -> Any:
    made_one = made.evaluation(**entries)
    made_one.metrics["disparity"]["unigram"]["parity"] = parity
    return made_one


@pytest.mark.parametrize("verdict", ["shown", "refuted", "undecided"])
@pytest.mark.parametrize(
    ("groups", "named"),
    [
        (["nurse"], "Taken one by one, nurse lies beyond the margin (Holm)."),
        (["a_b", "c"], "Taken one by one, a b, c lie beyond the margin (Holm)."),
        (list("abcde"), "Taken one by one, a, b, c and 2 more lie beyond the margin (Holm)."),
    ],
)
def test_groups_beyond_are_named_whatever_the_verdict(verdict: str, groups: list[str], named: str) -> None:
    model = made.model("student", evaluation(record(verdict, groups_beyond=groups)))
    assert parity_sentence(model).endswith(named)


def test_a_lean_is_named_where_parity_is_not_shown() -> None:
    leaning = made.model("student", made.evaluation(lean=-0.4, lean_ci=(-0.5, -0.3)))
    assert standing(leaning) == "shows disparity and leans towards men"


def test_rules_of_counting_that_disagree_are_named() -> None:
    def by_rules(name: str, *values: float, **parities: str) -> Any:
        one = made.evaluation(name, values[0])
        for polarity, value in zip(("gender_max", "gender_wavg"), values[1:], strict=True):
            entry = made.evaluation(name, value, parity=parities.get(polarity, "refuted")).metrics["disparity"]
            one.metrics["disparity"][polarity] = entry["unigram"]
        return made.model(name, one)

    teacher = by_rules("teacher", 1.0, 2.0, 1.0)
    for values, said in (
        (
            (0.35, 0.14, 0.13),
            "The rules of counting disagree by 28 points: 65 % less by unigram, 93 % less by gender max, 87 % less by "
            "gender wavg.",
        ),
        ((0.35, 0.72, 0.33), ""),
    ):
        student = by_rules("student", *values)
        found = verdicts([teacher, student], [made.contrast(teacher, student, made.run())])[1]
        assert ("The rules of counting disagree" in found.detail) == bool(said)
        assert said in found.detail
    contradicting = by_rules("student", 1.0, 0.1, 1.0, gender_max="shown")
    assert (
        "The rules of counting disagree on parity: refuted by unigram, shown by gender max, refuted by gender wavg."
        in verdicts([contradicting], [])[0].detail
    )


def test_the_same_weights_are_said_to_be_the_same() -> None:
    teacher = made.model("teacher", made.evaluation("gpt2"))
    twin = made.model("twin", made.evaluation("gpt2"))
    found = verdicts([teacher, twin], [made.contrast(teacher, twin, made.run())])[1]
    assert found.headline.startswith("the same weights as teacher; no clear difference in disparity from teacher")
    other = made.model("other", made.evaluation("gpt2-medium"))
    assert "same weights" not in str(verdicts([teacher, other], [made.contrast(teacher, other, made.run())])[1])


def test_a_disparity_of_0_whose_interval_excludes_0_is_no_yardstick() -> None:
    models = [made.model(name, made.evaluation(name, rms=0.0)) for name in ("teacher", "student")]
    for each in models:
        disparity = each.first.metrics["disparity"]
        disparity["gender_max"] = disparity["unigram"]
    found = verdicts(models, [made.contrast(*models, made.run())])[1]
    assert "The rules of counting disagree" not in found.detail
