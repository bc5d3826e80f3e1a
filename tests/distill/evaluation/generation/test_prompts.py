import json
import re
from importlib import resources
from pathlib import Path
from statistics import fmean

import datasets
import pytest
import yaml

from augment import RoleReverser
from distill.errors import UserError
from distill.evaluation.generation.openings import OPENINGS
from distill.evaluation.generation.prompts import (
    Prompt,
    bold_rows,
    groups_as_occupations,
    own_coherence_prompts,
    own_prompts,
    read_prompts,
)
from distill.evaluation.generation.templates import (
    OCCUPATION_SETS,
    OCCUPATIONS,
    PRONOUN_TEMPLATES,
    TEMPLATES,
    count_occupations,
)
from distill.evaluation.polarity.bold_unigram import unigram


def _professions(source: Path | str | None) -> list[Prompt]:
    return [prompt for prompt in read_prompts(None if source is None else str(source)) if prompt.kind == "profession"]


def test_own_prompts_are_many_distinct_and_neutral() -> None:
    prompts = own_prompts()
    assert len(set(OCCUPATIONS)) == len(OCCUPATIONS) >= 40
    assert len({prompt.prompt_id for prompt in prompts}) == len(prompts) == len(OCCUPATIONS) * len(TEMPLATES)
    assert all(unigram(prompt.text) == "neutral" and prompt.text == prompt.text.rstrip() for prompt in prompts)
    assert all(template.count("{}") == 1 for template in (*TEMPLATES, *PRONOUN_TEMPLATES))
    assert _professions(None) == prompts


def test_no_occupation_and_no_opening_tells_a_gender() -> None:
    """According to the role reverser: after words that it considers gendered, such as “nanny”, no target is even."""
    texts = [template.format(occupation) for occupation in OCCUPATIONS for template in (*TEMPLATES, *PRONOUN_TEMPLATES)]
    told = [reversal for reversal in RoleReverser().reverse_all(texts) if reversal.swaps or reversal.tells]
    assert told == []


def test_the_occupations_fall_into_two_halves_that_lean_equally_far() -> None:
    """By the pronoun gap of the model whose evaluation is in the documentation."""
    tuning, verdict = OCCUPATION_SETS["tuning"], OCCUPATION_SETS["verdict"]
    assert sorted(tuning + verdict) == sorted(OCCUPATION_SETS["all"]) == sorted(OCCUPATIONS)
    assert len(tuning) == len(verdict) == 24
    evaluation = Path(__file__).parents[4] / "docs/results/finetuned-short/teacher/held_out.json"
    lean = json.loads(evaluation.read_text(encoding="utf-8"))["pronoun_gap"]["groups"]
    for measure in (float, abs):
        means = [fmean(measure(lean[occupation]) for occupation in half) for half in (tuning, verdict)]
        assert means[0] == pytest.approx(means[1], abs=0.05)


def test_a_half_has_the_prompts_of_its_occupations() -> None:
    halves = [read_prompts(None, half) for half in ("tuning", "verdict")]
    assert {prompt.group for prompt in halves[0]} & {prompt.group for prompt in halves[1]} == {"female", "male"}
    assert {prompt for half in halves for prompt in half} == set(read_prompts(None))


def test_every_occupation_is_counted_in_the_singular_and_the_plural() -> None:
    text = ", ".join(f"{occupation.upper()} {occupation}s" for occupation in OCCUPATIONS)
    assert count_occupations(text) == 2 * len(OCCUPATIONS)
    assert count_occupations("Midwives and secretaries, no midwivery") == 2
    assert count_occupations("painters, repainter, judged, police") == 1


def test_each_gendered_opening_is_the_reversal_of_its_twin() -> None:
    assert len(OPENINGS) == len({opening for pair in OPENINGS for opening in pair}) // 2 >= 100
    for reverser in (RoleReverser(), RoleReverser(names=True)):
        for pair in OPENINGS:
            assert [reverser.reverse(opening).counterfactual for opening in pair] == list(reversed(pair))


def test_no_gendered_opening_has_a_word_whose_gender_hangs_on_its_context() -> None:
    lexicon = yaml.safe_load((resources.files("augment") / "lexicons" / "en.yaml").read_text(encoding="utf-8"))
    entries = [entry for group in lexicon["groups"].values() for entry in group if entry.get("vocabulary") is False]
    # Such a word may be the plain counterpart of another one, as “man” is of several.
    plain = {entry[side] for group in lexicon["groups"].values() for entry in group if entry not in entries
             for side in ("male", "female")}  # fmt: skip
    ambiguous = {entry[side] for entry in entries for side in ("male", "female")} - plain
    assert {"king", "hostess", "gal"} <= ambiguous
    for opening in (opening for pair in OPENINGS for opening in pair):
        assert not ambiguous & set(re.findall(r"\w+", opening.lower())), opening


def test_coherence_prompts_come_in_pairs() -> None:
    prompts = own_coherence_prompts()
    female = [prompt for prompt in prompts if prompt.gender == "female"]
    male = [prompt for prompt in prompts if prompt.gender == "male"]
    assert len(female) == len(male) == len(OPENINGS)
    assert len({prompt.prompt_id for prompt in prompts}) == len(prompts)
    for prompt in prompts:
        # Kinship terms are not among BOLD's words, so such a prompt counts as neutral.
        assert unigram(prompt.text) in (prompt.gender, "neutral")
    for left, right in zip(female, male, strict=True):
        assert len(left.text.split()) == len(right.text.split())
        assert left.text != right.text


def test_reads_bolds_json(tmp_path: Path) -> None:
    path = tmp_path / "profession.json"
    content = {
        "nursing": {"Nurse": ["A nurse is ", "A nurse is"]},
        "dance": {"Dancer": ["A dancer  "], "Ballet": ["It"]},
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    assert _professions(path) == [Prompt("nursing", "A nurse is"), Prompt("dance", "A dancer"), Prompt("dance", "It")]
    assert [prompt for prompt in read_prompts(str(path)) if prompt.kind == "coherence"] == own_coherence_prompts()


def test_reads_json_lines_and_their_coherence_prompts(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    rows = [{"group": "nurse", "prompt": "the nurse "}, {"group": "woman", "prompt": "the woman", "gender": "female"}]
    path.write_text("\n\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert read_prompts(str(path)) == [Prompt("nurse", "the nurse"), Prompt("woman", "the woman", "female")]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", '{"group": "née", "prompt": "x\u2028y"}'), ("a.json", '{"née": {"e": ["x\u2028y"]}}')],
)
def test_a_byte_order_mark_is_no_prompt_and_other_encodings_are_refused(
    tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8-sig")
    assert _professions(path) == [Prompt("née", "x\u2028y")]
    path.write_text(content.replace("\u2028", ""), encoding="latin-1")
    with pytest.raises(UserError, match=f"{name}(, line 1, byte 12)?: not UTF-8"):
        read_prompts(str(path))


def test_only_the_groups_of_json_lines_are_occupations(tmp_path: Path) -> None:
    lines, bold = tmp_path / "a.jsonl", tmp_path / "a.json"
    prompts = [Prompt("nurse", "x"), Prompt("judge", "x"), Prompt("nurse", "y"), Prompt("her", "she", "female")]
    for path in (lines, bold):
        path.touch()
    assert groups_as_occupations(str(lines), prompts) == ["nurse", "judge"]
    for source in (None, str(bold), "AmazonScience/bold"):
        assert groups_as_occupations(source, prompts) is None


def test_reads_bolds_rows_of_the_hub() -> None:
    rows = [
        {"domain": "gender", "name": "A", "category": "American_actors", "prompts": ["Al is "], "wikipedia": []},
        {"domain": "profession", "name": "N", "category": "nursing", "prompts": ["A nurse "], "wikipedia": []},
    ]
    assert list(bold_rows(rows, "some/bold")) == [Prompt("nursing", "A nurse")]
    with pytest.raises(UserError, match="some/bold, row 0: has question; expected domain"):
        list(bold_rows([{"question": "?"}], "some/bold"))


def test_empty_prompts_in_bolds_layout_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "bold.json"
    path.write_text(json.dumps({"nursing": {"Nurse": ["", "A nurse is ", " "]}, "dance": {"D": ["\n"]}}))
    assert _professions(path) == [Prompt("nursing", "A nurse is")]
    assert [record.getMessage() for record in caplog.records] == [f"{path}: left out 3 empty prompts"]
    caplog.clear()
    rows = [{"domain": "profession", "category": "nursing", "prompts": ["A nurse", ""]}]
    assert list(bold_rows(rows, "some/bold")) == [Prompt("nursing", "A nurse")]
    assert [record.getMessage() for record in caplog.records] == ["some/bold: left out 1 empty prompt"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", "a.json: not JSON"),
        ("a.json", "[1]", "a.json: contains a list"),
        ("a.json", '{"g": ["x"]}', "a.json, key 'g': contains a list"),
        ("a.json", '{"g": {"e": "x"}}', "a.json, key 'g', 'e': contains a str"),
        ("a.json", '{"g": {"e": ["x", 3]}}', "a.json, key 'g', 'e': a prompt is a int"),
        ("a.json", '{"g": {"e": ["  "]}}', "a.json: contains no prompts"),
        (
            "a.json",
            '{"g": {"e": ["x", "y\\ud800"]}}',
            "a.json, key 'g', 'e': a prompt contains an unpaired surrogate at position 1",
        ),
        ("a.json", "{}", "a.json: contains no prompts"),
        ("a.jsonl", '{"group": "g", "prompt": "x"}\n{', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", '{"prompt": "x"}', 'a.jsonl, line 1: expected {"group"'),
        (
            "a.jsonl",
            '{"group": "\\udfff", "prompt": "x"}',
            "a.jsonl, line 1: a group contains an unpaired surrogate at position 0",
        ),
        ("a.jsonl", '\n{"group": "g", "prompt": ""}', "a.jsonl, line 2: a prompt is empty"),
        ("a.jsonl", '{"group": "g", "prompt": "x", "gender": "f"}', "a.jsonl, line 1: gender is 'f'"),
        ("a.jsonl", '{"group": "g", "prompt": "x", "gender": "female"}', "a.jsonl: contains no prompts"),
        (
            "a.jsonl",
            '{"group": "g", "prompt": "x", "gender": "female"}\n{"group": "g", "prompt": "x ", "gender": "male"}',
            "a.jsonl, line 2: gender is 'male', but was 'female' for the same prompt",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_prompts(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["./missing", "missing.JSON", "missing.csv", "/missing/prompts", "here/missing"])
def test_a_missing_file_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no such prompt file"):
        read_prompts(source)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("Dataset scripts are no longer supported, but found a.py\nTry another"), "Dataset scripts"),
        (OSError(), "OSError"),
    ],
)
def test_a_hub_set_that_cannot_be_loaded_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def load(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(UserError, match=f"some/bold: neither a prompt file nor a data set .*{reason}") as caught:
        read_prompts("some/bold")
    assert "\n" not in str(caught.value)


def test_the_same_text_in_another_group_or_kind_is_another_prompt() -> None:
    prompts = [Prompt("a", "She"), Prompt("b", "She"), Prompt("a", "She", "female")]
    assert len({prompt.prompt_id for prompt in prompts}) == 3
    assert prompts[0].prompt_id == Prompt("a", "She").prompt_id
