import runpy
from math import log
from pathlib import Path

import pytest

from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.evaluation.report_charts import price_section, trade_off_points
from distill.evaluation.report_measures import GENDERED, parity, summary
from distill.evaluation.report_verdict import verdicts
from distill.evaluation.result_table import result_table

SYNTHETIC = runpy.run_path(str(Path(__file__).with_name("synthetic.py")))


def test_few_texts_tell_neither_parity_nor_disparity() -> None:
    """Four women to a man in half the professions, and four men to a woman in the others, told by four texts each."""
    leans = {str(number): log(4) * (-1) ** number for number in range(18)}
    measured = SYNTHETIC["metrics"](SYNTHETIC["generations"](leans, polar=0.15, prompts=2, samples=2))
    scores = measured["disparity"]["unigram"]
    assert scores["mean_ratio"] >= scores["fair_low"]
    assert scores["ci95"][0] <= 0 <= scores["ci95"][1]
    assert parity(measured) is None
    assert "Parity" not in result_table(measured)


ROWS = SYNTHETIC["generations"](SYNTHETIC["LEANS"], prompts=4)
MEASURED = SYNTHETIC["metrics"](ROWS)
MEASURED["disparity"]["gender_max"] = MEASURED["disparity"]["unigram"]
MEASURED["settings"] |= {"prompts_sha256": "ef" * 32, "word_table": "ours", "include_prompt": False}


def evaluations(**settings: object) -> list[Evaluation]:
    """One, and another that differs in settings alone."""
    other = MEASURED | {"settings": MEASURED["settings"] | settings, "model": {"name": "student"}}
    return [Evaluation(Path(name), metrics, ROWS) for name, metrics in (("a", MEASURED), ("b", other))]


def incomparable(pair: list[Evaluation]) -> set[str]:
    """Parts of the summary whose every line is marked in the second column, and none in the first."""
    marked: dict[str, set[bool]] = {}
    for measure, (first, second) in summary(pair):
        assert "not comparable" not in first[1]
        marked.setdefault(measure.part, set()).add("not comparable with teacher" in second[1])
    assert all(len(found) == 1 for part, found in marked.items() if part.startswith("What it writes"))
    return {part for part, found in marked.items() if found == {True}}


@pytest.mark.parametrize(
    "settings",
    [
        {"prompts_sha256": "0"},
        {"temperature": 0.7},
        {"top_p": 1.0},
        {"top_k": 0},
        {"max_new_tokens": 8},
        {"include_prompt": True},
    ],
)
def test_disparities_of_other_texts_are_not_comparable(settings: dict[str, object]) -> None:
    pair = evaluations(**settings)
    assert incomparable(pair) == {"What it writes", "What it writes, by gender max polarity"}
    found = trade_off_points(pair, ["teacher", "student"])
    assert found is not None
    assert [point.name for point in found.points] == ["teacher"]
    assert "Not shown, measured on other texts: student." in price_section(pair, ["teacher", "student"])
    pair[1].metrics["disparity"] = {"unigram": MEASURED["disparity"]["unigram"] | {"polar_rate": 0.01}}
    said = str(verdicts(pair, [UserError("not comparable: they differ")])[1])
    assert "polar rate" not in said
    assert "half as often" not in said


def test_a_table_of_words_decides_about_the_polarities_by_vectors_alone() -> None:
    pair = evaluations(word_table="another")
    assert incomparable(pair) == {"What it writes, by gender max polarity"}
    found = trade_off_points(pair, ["teacher", "student"])
    assert found is not None
    assert len(found.points) == 2


def test_how_many_texts_there_are_makes_nothing_incomparable() -> None:
    assert incomparable(evaluations(samples=10, prompts_per_group=3)) == set()


def test_gendered_tokens_of_another_text_are_not_comparable() -> None:
    (cells,) = (cells for measure, cells in summary(evaluations(text_sha256="0")) if measure is GENDERED)
    assert ["not comparable" in beside for _, beside in cells] == [False, True]
    same = evaluations()
    same[1].metrics["gendered_tokens"] = {"nll": 2.0, "n": 7}
    (cells,) = (cells for measure, cells in summary(same) if measure is GENDERED)
    assert cells[1] == ("2.00", "7 tokens; not comparable with teacher")
