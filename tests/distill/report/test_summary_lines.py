import re
from math import log
from pathlib import Path

import pytest

from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.report.html.charts import price_section
from distill.report.html.trade_off import trade_off
from distill.report.models import ReportedModel, single_runs
from distill.report.summary_lines import summary
from distill.report.table_formats import result_table
from distill.report.verdict import Contrast, comparable_perplexity, verdicts
from distill.report.verdict.contrasts import RunContrast
from tests import synthetic_evaluations as synthetic


def test_few_texts_tell_neither_parity_nor_disparity() -> None:
    """Four women to a man in half the professions and four men to a woman in the others, in four texts each."""
    leans = {str(number): log(4) * (-1) ** number for number in range(18)}
    measured = synthetic.metrics(synthetic.generations(leans, polar=0.15, prompts=2, samples=2))
    scores = measured["disparity"]["unigram"]
    assert scores["mean_ratio"] >= scores["fair_low"]
    assert scores["ci95"][0] <= 0 <= scores["ci95"][1]
    assert re.search(
        r"Parity +undecided +margin 0.22; about \d+ more texts per profession needed", result_table(measured)
    )


ROWS = synthetic.generations(synthetic.LEANS, prompts=4)
MEASURED = synthetic.metrics(ROWS)
MEASURED["disparity"]["gender_max"] = MEASURED["disparity"]["unigram"]
MEASURED["settings"] |= {
    "prompts_sha256": "ef" * 32,
    "word_table": "ours",
    "include_prompt": False,
    "context": 1024,
    "pairs": {"own.jsonl": "12" * 32},
    "ceat_sha256": "34" * 32,
}
MEASURED["pairs"] = {"own.jsonl": {"n": 40, "summed": {"share": 0.6}, "per_token": {"share": 0.55}}}
MEASURED["ceat"] = {"weat6": {"effect_size": 0.3, "p": 0.01}}


def evaluations(**settings: object) -> list[Evaluation]:
    """Two evaluations that differ in settings only."""
    other = MEASURED | {"settings": MEASURED["settings"] | settings, "model": {"name": "student"}}
    return [Evaluation(Path(name), metrics, ROWS) for name, metrics in (("a", dict(MEASURED)), ("b", other))]


def uncompared(pair: list[Evaluation]) -> tuple[list[ReportedModel], list[Contrast]]:
    """Two models whose texts are not comparable."""
    first, second = single_runs(pair)
    return [first, second], [Contrast(first, second, (RunContrast(UserError("not comparable: they differ"), {}),))]


def said_without_comparison(pair: list[Evaluation]) -> str:
    """The verdict on the second of two models whose texts are not comparable."""
    return str(verdicts(*uncompared(pair))[1])


def marked(pair: list[Evaluation]) -> set[str]:
    """Titles of the lines marked in the second column, without those of disparity; none is marked in the first."""
    lines = summary(single_runs(pair))
    assert not [line for line, (first, _) in lines if "not comparable" in first[1]]
    return {
        line.title
        for line, (_, second) in lines
        if "not comparable with teacher" in second[1] and not line.section.startswith("What it writes")
    }


def incomparable(pair: list[Evaluation]) -> set[str]:
    """Sections in which every line is marked in the second column, and none in the first."""
    marked: dict[str, set[bool]] = {}
    for line, (first, second) in summary(single_runs(pair)):
        assert "not comparable" not in first[1]
        marked.setdefault(line.section, set()).add("not comparable with teacher" in second[1])
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
    assert incomparable(pair) - {"How it writes"} == {"What it writes", "What it writes, by gender max polarity"}
    models, compared = uncompared(pair)
    found = trade_off(models, compared)
    assert found is not None
    assert [list(panel.points) for panel in found.panels] == [["teacher"]] * len(found.panels)
    assert "Not shown, measured on other texts: student." in price_section(models, compared)
    pair[1].metrics["disparity"] = {"unigram": MEASURED["disparity"]["unigram"] | {"polar_rate": 0.01}}
    said = said_without_comparison(pair)
    assert "polar rate" not in said
    assert "half as often" not in said


def test_a_table_of_words_decides_about_the_polarities_by_vectors_alone() -> None:
    pair = evaluations(word_table="another")
    assert incomparable(pair) == {"What it writes, by gender max polarity"}
    found = trade_off(*uncompared(pair))
    assert found is not None
    assert [list(panel.points) for panel in found.panels] == [["teacher", "student"]] * len(found.panels)


def test_how_many_texts_there_are_makes_their_distinct_bigrams_incomparable_alone() -> None:
    pair = evaluations(samples=10)
    assert incomparable(pair) == set()
    assert marked(pair) == {"Distinct bigrams"}


HOW_IT_WRITES = {"Coherence", "Fluency NLL", "Distinct bigrams"}
REAL_TEXT = {"Perplexity", "Perplexity per word", "Gendered NLL"}
PAIRS = {"Pairs summed, own.jsonl", "Pairs per token, own.jsonl"}


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, set()),
        ({"prompts_sha256": "0"}, HOW_IT_WRITES),
        ({"temperature": 0.7}, HOW_IT_WRITES),
        ({"max_new_tokens": 8}, HOW_IT_WRITES),
        # It is the continuation alone that is coherent, fluent and varied.
        ({"include_prompt": True}, set()),
        ({"pairs": {"own.jsonl": "0"}}, PAIRS),
        ({"ceat_sha256": "0"}, {"CEAT, weat6"}),
        ({"text_sha256": "0"}, REAL_TEXT),
        ({"context": 256}, REAL_TEXT),
    ],
)
def test_what_was_measured_otherwise_is_not_comparable(settings: dict[str, object], names: set[str]) -> None:
    assert marked(evaluations(**settings)) == names


@pytest.mark.parametrize("kind", ["token", "word"])
def test_perplexities_at_other_strides_are_not_comparable(kind: str) -> None:
    pair = evaluations()
    pair[1].metrics["perplexity"] = MEASURED["perplexity"] | {kind: MEASURED["perplexity"][kind] | {"stride": 7}}
    assert marked(pair) == ({"Perplexity", "Gendered NLL"} if kind == "token" else {"Perplexity per word"})


@pytest.mark.parametrize("settings", [{"context": 256}, {"context": [256]}])
def test_the_verdict_names_no_price_of_another_context(settings: dict[str, object]) -> None:
    pair = evaluations(**settings)
    assert comparable_perplexity([each.metrics for each in pair]) is None
    assert "erplexity" not in said_without_comparison(pair)


def test_the_verdict_sets_no_coherence_of_other_texts_side_by_side() -> None:
    same, other = (said_without_comparison(pair) for pair in (evaluations(), evaluations(temperature=0.7)))
    assert "Coherence 0.94 to 0.94" in same
    assert "oherence" not in other


def test_settings_that_an_older_version_did_not_write_are_not_missed() -> None:
    pair = evaluations()
    for evaluation in pair:
        evaluation.metrics["settings"] = {"pairs": ["own.jsonl"]}
    assert marked(pair) == set()


def test_averages_say_over_which_professions_they_go() -> None:
    meanings = {line.title: line.explanation for line, _ in summary(single_runs(evaluations()))}
    averages = ("Mean ratio", "Log-odds", "Disparity", "Difference")
    assert all("professions with gendered texts" in meanings[name] for name in averages)
    silent = ROWS.assign(continuation=ROWS["continuation"].where(ROWS["group"] != "nurse", " it rained."))
    assert synthetic.metrics(silent)["disparity"]["unigram"]["difference"] == pytest.approx(
        synthetic.metrics(ROWS[ROWS["group"] != "nurse"])["disparity"]["unigram"]["difference"]
    )


def test_pairs_say_what_is_preferred_in_winogender() -> None:
    meanings = {line.explanation for line, _ in summary(single_runs(evaluations())) if line.title in PAIRS}
    assert all("Winogender" in meaning and "the male sentence" in meaning for meaning in meanings)


def test_gendered_tokens_of_another_number_are_not_comparable() -> None:
    same = evaluations()
    same[1].metrics["gendered_tokens"] = {"nll": 2.0, "n": 7}
    (cells,) = (cells for line, cells in summary(single_runs(same)) if line.title == "Gendered NLL")
    assert cells[1] == ("2.00", "7 tokens; not comparable with teacher")


def test_perplexities_that_differ_are_never_written_alike() -> None:
    """3.271, 3.278 and 3.279: two decimals do not tell the last two apart."""

    def perplexities(*values: float) -> list[str]:
        entries = [MEASURED | {"perplexity": {"token": MEASURED["perplexity"]["token"] | {"value": v}}} for v in values]
        models = single_runs([Evaluation(Path(str(v)), e, ROWS) for v, e in zip(values, entries, strict=True)])
        return next([value for value, _ in cells] for line, cells in summary(models) if line.title == "Perplexity")

    assert perplexities(3.271, 3.278, 3.279) == ["3.271", "3.278", "3.279"]
    assert perplexities(3.27, 3.28, 3.28) == ["3.27", "3.28", "3.28"]
    assert perplexities(3.27, 3.28111, 3.28112) == ["3.2700", "3.2811", "3.2811"]
