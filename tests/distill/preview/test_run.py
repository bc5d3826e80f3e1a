"""`distill preview`, end to end on a tiny teacher: figures equal to the evaluation's, files, and mistakes."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
import yaml

from distill.cli.dispatch import main
from distill.evaluation.generation.prompts import groups_as_occupations, read_prompts
from distill.evaluation.probes.pronoun_gap import measure_pronouns
from distill.evaluation.scored_model import load_scored_model
from distill.models.source import model_source

PROMPTS = "prompts.jsonl"


@pytest.fixture(scope="module")
def recipe(corpus, gpt2_folder, tmp_path_factory) -> Path:
    """A recipe for a GPU, which a preview does not need."""
    folder = tmp_path_factory.mktemp("recipe")
    config = {
        "seed_everything": 7,
        "model": {
            "teacher": {"path": str(gpt2_folder)},
            "student": {"layers": [0, 2]},
            "perturbation": {"operator": "expmean", "vocabulary": "reversed", "contexts": "all"},
        },
        "data": {
            "train": str(corpus / "train.jsonl"),
            "validation": str(corpus / "validation.jsonl"),
            "block_size": 32,
            "names": True,
            "num_proc": 1,
            "cache_dir": str(folder / "cache"),
        },
        "trainer": {"accelerator": "gpu", "devices": 8, "strategy": "ddp", "max_steps": 6},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def preview(recipe: Path, output: Path, *overrides: str) -> None:
    main(["preview", f"--config={recipe}", f"--output={output}", *overrides])


@pytest.fixture(scope="module")
def scores(recipe, corpus, tmp_path_factory) -> dict:
    output = tmp_path_factory.mktemp("preview")
    preview(recipe, output, f"--prompts={corpus / PROMPTS}", "--tokens=1000")
    assert [path.name for path in output.iterdir()] == ["preview.json"]
    return json.loads((output / "preview.json").read_text(encoding="utf-8"))


def target(scores: dict, *setting: str) -> dict:
    return next(t for t in scores["targets"] if (t["operator"], t["vocabulary"], t["contexts"]) == setting)


def test_the_factual_gap_is_the_evaluations(scores, corpus, gpt2_folder):
    prompts = str(corpus / PROMPTS)
    occupations = groups_as_occupations(prompts, read_prompts(prompts))
    expected = measure_pronouns(load_scored_model(model_source(str(gpt2_folder)), device="cpu"), 64, occupations)
    found = target(scores, "none", "identity", "reversed")["pronoun_gap"]
    assert found["groups"] == pytest.approx(expected["groups"], abs=1e-4)
    assert found["mean_abs_log_odds"] == pytest.approx(expected["mean_abs_log_odds"], abs=1e-4)
    assert found["mean_abs_log_odds"] > 0.01


@pytest.mark.parametrize("operator", ["mean", "expmean", "max"])
def test_the_reversed_vocabulary_in_all_contexts_has_no_gap(scores, operator):
    assert target(scores, operator, "reversed", "all")["pronoun_gap"]["mean_abs_log_odds"] == pytest.approx(0, abs=1e-5)


def test_after_a_neutral_opening_the_other_contexts_keep_the_gap(scores):
    factual = target(scores, "none", "identity", "reversed")["pronoun_gap"]
    for vocabulary in ("identity", "reversed"):
        assert target(scores, "expmean", vocabulary, "reversed")["pronoun_gap"] == factual


def test_preview_json_says_what_was_scored(scores):
    positions = scores["positions"]
    assert positions["scored"] + positions["after_ambiguous"] == positions["blocks"] * 32
    assert sum(positions["prefixes"].values()) == pytest.approx(1)
    assert all(t["gendered_tokens"]["n"] == positions["gendered"] > 0 for t in scores["targets"])
    assert [t["operator"] for t in scores["targets"] if t["configured"]] == ["expmean"]


def test_evaluated_occupations_are_counted_in_the_training_text(recipe, tmp_path, monkeypatch, capsys):
    text = tmp_path / "train.txt"
    text.write_text("A Nurse met two police officers.\n\nThe nursery had no cooks, but a bus driver.\n" + "word " * 90)
    preview(recipe, tmp_path / "out", "--tokens=64", f"--data.train={text}", f"--rank={tmp_path / 'rank.parquet'}")
    assert json.loads((tmp_path / "out" / "preview.json").read_text())["evaluated_occupations_named"] == 3
    assert "asks for by default: named 3 times in data.train" in capsys.readouterr().out


def test_documents_that_speak_of_a_gender_rank_first(recipe, tmp_path):
    text = tmp_path / "train.jsonl"
    rows = [{"text": "The cook said she lost her keys and her mother found them."}, {"text": "Of course, " * 20}]
    text.write_text("\n".join(map(json.dumps, rows * 9)))
    ranking = tmp_path / "ranks" / "ranking.parquet"
    preview(
        recipe, tmp_path / "out", "--tokens=64", f"--data.train={text}", f"--rank={ranking}",
        "--data.document_mask=true", "--model.perturbation.contexts=reversed",
    )  # fmt: skip
    documents = pq.read_table(ranking).to_pydict()
    assert [number % 2 for number in documents["document"]] == [1] * 9 + [0] * 9
    assert documents["kl_per_token"][0] > 0.0 == documents["kl_per_token"][9]


def test_the_table_marks_the_recipes_own_setting(recipe, tmp_path, capsys):
    preview(
        recipe, tmp_path, "--tokens=64", "--model.perturbation.operator=max", "--model.perturbation.vocabulary=identity"
    )
    marked = [line.split()[1:4] for line in capsys.readouterr().out.splitlines() if line.startswith("→  ")]
    assert marked == [["max", "identity", "reversed"]]


def test_the_default_output_is_that_of_the_fit(recipe, tmp_path):
    main(["preview", f"--config={recipe}", f"--trainer.default_root_dir={tmp_path / 'run'}", "--tokens=64"])
    assert (tmp_path / "run" / "preview.json").is_file()


def test_the_config_that_a_fit_wrote_is_read(recipe, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["fit", f"--config={recipe}", "--print_config"])
    config = tmp_path / "config.yaml"
    config.write_text(capsys.readouterr().out)
    assert "ckpt_path" in config.read_text()
    preview(config, tmp_path / "out", "--tokens=64")
    assert (tmp_path / "out" / "preview.json").is_file()


def test_a_stopped_preview_leaves_nothing(recipe, tmp_path, monkeypatch, capsys):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("distill.preview.run.target_nlls", stop)
    with pytest.raises(SystemExit) as caught:
        preview(recipe, tmp_path / "out", "--tokens=64")
    assert caught.value.code == 130
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr().err.strip().splitlines()[-1] == "distill preview: stopped"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["--text=nowhere.txt"], "nowhere.txt: no such file"),
        (["--tokens=0"], "--tokens is 0"),
        (["--rank=ranking.csv"], "--rank ranking.csv: is written in Parquet"),
        (["--rank=r.parquet", "--model.perturbation.operator=none"], "set model.perturbation.operator"),
        (["--data.block_size=65"], "longer than the teacher's 64 positions"),
        (["--prompts=nowhere.jsonl"], "nowhere.jsonl: no such prompt file"),
        (["--model.teacher.path=./nowhere"], "./nowhere: no such folder"),
    ],
)
def test_a_mistake_is_one_line(recipe, tmp_path, capsys, overrides, message):
    with pytest.raises(SystemExit) as caught:
        preview(recipe, tmp_path / "out", *overrides)
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("distill preview: error: ")
    assert message in error
    assert not (tmp_path / "out").exists()


def test_without_a_teacher_there_is_nothing_to_preview(corpus, gpt2_folder, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(
            ["preview", f"--model.tokenizer={gpt2_folder}", f"--data.train={corpus / 'train.jsonl'}",
             "--model.student.config={model_type: gpt2}", "--model.loss.kd_weight=0", "--model.loss.lm_weight=1",
             f"--output={tmp_path / 'out'}"]
        )  # fmt: skip
    assert caught.value.code == 2
    assert "no model.teacher.path" in capsys.readouterr().err


def test_predictions_that_are_no_numbers_are_refused(recipe, tmp_path, monkeypatch, capsys):
    def overflow(teacher, head_weight, vocabulary, targets, batch):
        return torch.full((len(targets), *batch.labels.shape), torch.inf)

    monkeypatch.setattr("distill.preview.run.target_nlls", overflow)
    with pytest.raises(SystemExit) as caught:
        preview(recipe, tmp_path / "out", "--tokens=64")
    assert caught.value.code == 2
    assert "some of its probabilities are not finite" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
