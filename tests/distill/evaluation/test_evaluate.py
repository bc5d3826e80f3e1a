import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel

from distill.cli.evaluate import run
from distill.errors import UserError
from distill.evaluation import load
from distill.evaluation.disparity.scores import disparity
from distill.evaluation.evaluate import Devices, evaluate
from distill.evaluation.generation.templates import OCCUPATION_SETS, OCCUPATIONS
from distill.evaluation.polarity.bold_unigram import unigram


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "valid.txt"
    path.write_text("The nurse said she was tired.\n\nThe judge came home and his wife smiled.\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(model_folder: Path, text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("evaluation") / "deep" / "tiny"
    evaluate(str(model_folder), output, preset="smoke", text=str(text), max_new_tokens=40)
    return output


def _finite(value: object) -> bool:
    """json.loads would accept NaN."""
    return "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value)


def test_metrics_keep_the_schema(result: Path, model_folder: Path) -> None:
    metrics = load(result).metrics
    assert list(metrics) == [
        *("schema", "model", "settings", "perplexity", "gendered_tokens", "pronoun_gap", "equivariance_gap"),
        *("pairs", "ceat"),
        *("disparity", "neutral_pronouns", "sentiment", "classifier", "coherence", "fluency"),
    ]
    assert metrics["schema"] == 2
    assert _finite(metrics)
    assert set(metrics["model"]) == {"name", "path", "parameters", "sha256"}
    assert list(metrics["perplexity"]) == list(metrics["settings"]["perplexity"]) == ["token", "token_strided", "word"]
    for entry in metrics["perplexity"].values():
        assert set(entry) == {"value", "nll", "tokens", "words", "ci95", "stride"}
    assert list(metrics["disparity"]) == ["unigram", "gender_max", "gender_wavg"]
    unigrams = metrics["disparity"]["unigram"]
    assert set(unigrams) == {
        *("mean_ratio", "fair_mean_ratio", "fair_low", "min_ratio", "fair_min_ratio", "fair_min_low"),
        *("rms_log_odds", "parity", "mean_abs_error", "log_odds", "ci95", "difference", "difference_ci95"),
        *("paper_mean_ratio", "paper_min_ratio", "polar_rate", "groups"),
    }
    for group in unigrams["groups"].values():
        assert set(group) == {
            "female",
            "male",
            "neutral",
            "mixed",
            "ratio",
            "log_odds",
            "ci95",
            "difference",
            "difference_ci95",
        }
    assert list(metrics["equivariance_gap"]) == ["reversed", "neutral"]
    for gap in metrics["equivariance_gap"].values():
        assert set(gap) == {"value", "ci95", "n"}
        assert gap["n"] > 0
        assert gap["ci95"][0] <= gap["value"] <= gap["ci95"][1]
    assert set(metrics["pronoun_gap"]) == {"mean_abs_log_odds", "ci95", "groups", "mass"}
    assert set(metrics["pronoun_gap"]["mass"]) == {"value", "ci95", "he", "she", "they"}
    assert set(metrics["neutral_pronouns"]) == {"they_rate", "mixed_rate"}
    assert set(metrics["sentiment"]) == {"value", "ci95", "female", "male", "n"}
    assert metrics["sentiment"]["n"] >= 8
    assert metrics["classifier"] is None
    assert set(metrics["coherence"]) == {"value", "ci95", "n"}
    assert set(metrics["gendered_tokens"]) == {"nll", "n"}
    assert metrics["gendered_tokens"]["n"] >= 3
    assert set(metrics["fluency"]) == {"nll", "reference", "distinct_2", "length"}
    assert metrics["fluency"]["reference"] == "tiny"
    settings = metrics["settings"]
    assert (settings["samples"], settings["prompts_per_group"], settings["context"]) == (2, 2, 96)
    assert settings["reference_sha256"] == metrics["model"]["sha256"]
    assert settings["pronoun_gap_occupations"] == "built-in"
    assert settings["occupations"] == "all"
    assert list(metrics["pronoun_gap"]["groups"]) == list(OCCUPATIONS)


def test_the_verdict_on_half_of_the_occupations_is_that_on_all_about_them(
    model_folder: Path, result: Path, tmp_path: Path
) -> None:
    evaluate(str(model_folder), tmp_path / "out", preset="smoke", occupations="verdict", max_new_tokens=40)
    half, everything = load(tmp_path / "out"), load(result)
    assert half.metrics["settings"]["occupations"] == "verdict"
    gap = everything.metrics["pronoun_gap"]["groups"]
    expected = {occupation: gap[occupation] for occupation in OCCUPATION_SETS["verdict"]}
    assert half.metrics["pronoun_gap"]["groups"] == pytest.approx(expected, abs=1e-6)
    kept = everything.generations["group"].isin([*OCCUPATION_SETS["verdict"], "female", "male"])
    columns = ["prompt_id", "sample", "continuation"]
    assert half.generations[columns].values.tolist() == everything.generations[kept][columns].values.tolist()


def test_scores_can_be_computed_again_from_the_file(result: Path) -> None:
    evaluation = load(result)
    rows = evaluation.generations.query("kind == 'profession'")
    labels = rows["continuation"].map(unigram).tolist()
    again = disparity(rows["group"].tolist(), rows["prompt_id"].tolist(), labels, seed=0)
    assert again == evaluation.metrics["disparity"]["unigram"]
    assert (rows.groupby("group").size() == 4).all()
    assert (evaluation.generations["model_sha256"] == evaluation.metrics["model"]["sha256"]).all()


def test_polarities_and_pairs_are_the_users(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text(
        '{"more": "The nurse said she left.", "less": "The nurse said he left.", "group": "nurse"}\n', encoding="utf-8"
    )
    (tmp_path / "table.tsv").write_text("man\t-0.5\nthe\t0.4\n", encoding="utf-8")
    evaluate(
        str(model_folder),
        tmp_path / "out",
        preset="smoke",
        samples=1,
        polarity="gender_max",
        word_table=tmp_path / "table.tsv",
        include_prompt=True,
        pairs=str(tmp_path / "pairs.jsonl"),
        max_new_tokens=2,
    )
    metrics = load(tmp_path / "out").metrics
    assert list(metrics["disparity"]) == ["unigram", "gender_max"]
    assert metrics["disparity"]["gender_max"]["polar_rate"] > 0.9  # prompts contain “the”
    (found,) = metrics["pairs"].values()
    assert found["n"] == found["groups"]["nurse"]["n"] == 1
    assert set(found["summed"]) == {"share", "ci95", "difference", "abs_difference"}


def test_a_run_that_names_its_pairs_in_another_order_goes_on(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = '{"more": "The nurse said she left.", "less": "The nurse said he left.", "group": "nurse"}\n'
    files = [str(tmp_path / name) for name in ("one.jsonl", "three.jsonl")]
    for file, number in zip(files, (1, 3), strict=True):
        Path(file).write_text(pair * number, encoding="utf-8")

    def evaluate_pairs(pairs: list[str]) -> None:
        evaluate(str(model_folder), tmp_path / "out", preset="smoke", samples=1, pairs=pairs, max_new_tokens=2)

    with monkeypatch.context() as patch:
        patch.setattr("distill.evaluation.measure_context.write_generations", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            evaluate_pairs(files)
    with monkeypatch.context() as patch:
        patch.setattr("distill.evaluation.probes.pair_preference.pair_preference", pytest.fail)
        evaluate_pairs(files[::-1])
    found = load(tmp_path / "out").metrics["pairs"]
    assert {file: found[file]["n"] for file in files} == dict(zip(files, (1, 3), strict=True))


def test_the_paper_preset_puts_its_settings_together(save_model: Callable[..., Path], tmp_path: Path) -> None:
    """In BOLD's layout; a shorter limit on new tokens still applies, so that the test is quick."""
    prompts = {"nurses": {"nurse": ["She was a nurse ", "A nurse "]}, "guards": {"guard": ["The guard and his, her"]}}
    (tmp_path / "bold.json").write_text(json.dumps(prompts), encoding="utf-8")
    model = save_model("tiny", context=100)
    evaluate(str(model), tmp_path / "out", "paper", str(tmp_path / "bold.json"), max_new_tokens=2)
    metrics = load(tmp_path / "out").metrics
    expected = {"prompts_per_group": 100, "samples": 10, "max_length": 100, "max_new_tokens": 2, "include_prompt": True}
    expected |= {"temperature": 1.0, "top_p": 0.9, "top_k": 50}
    assert {name: metrics["settings"][name] for name in expected} == expected
    split = metrics["disparity"]["gender_max_split"]
    assert split["groups"]["nurses"]["female"] >= 10  # the prompt counts
    assert split["paper_min_ratio"] == 0
    assert list(metrics["disparity"]) == ["unigram", "gender_max", "gender_wavg", "gender_max_split"]


def test_a_classifier_judges_what_is_written_of_her_and_of_him(model_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    labels = {0: "warm", 1: "cold"}
    config = GPT2Config.from_pretrained(model_folder, id2label=labels, pad_token_id=0)
    shutil.copytree(model_folder, tmp_path / "classifier")
    GPT2ForSequenceClassification(config).save_pretrained(tmp_path / "classifier")
    outputs = tmp_path / "continuation", tmp_path / "with_prompt"
    for output in outputs:
        options = {"classifier": str(tmp_path / "classifier"), "include_prompt": output.name == "with_prompt"}
        evaluate(str(model_folder), output, preset="smoke", max_new_tokens=12, **options)
    first, second = (load(output).metrics for output in outputs)
    assert list(first["classifier"]) == ["warm", "cold"]
    warm, cold = first["classifier"].values()
    assert warm["n"] == first["sentiment"]["n"]
    assert warm["value"] == pytest.approx(-cold["value"])  # of two labels that exclude each other
    assert warm["ci95"][0] <= warm["value"] <= warm["ci95"][1]
    assert warm["value"] != second["classifier"]["warm"]["value"]
    weights = (tmp_path / "classifier" / "model.safetensors").read_bytes()
    assert first["settings"]["classifier_sha256"] == hashlib.sha256(weights).hexdigest()


def test_only_the_results_are_left(result: Path) -> None:
    assert sorted(path.name for path in result.iterdir()) == ["generations.parquet", "metrics.json", "nlls.parquet"]


def test_prompts_samples_and_reference_are_the_users(
    model_folder: Path, save_model: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    rows = [{"group": "nurse", "prompt": "the nurse"}, {"group": "her", "prompt": "the woman", "gender": "female"}]
    prompts.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    judge = save_model("judge", seed=3)
    options = {"model": model_folder, "output": tmp_path / "out", "prompts": prompts, "samples": 3, "reference": judge}
    options["coherence_samples"] = 2
    run("evaluate", [f"--{name}={value}" for name, value in options.items()] + ["--max_new_tokens=8"])
    evaluation = load(tmp_path / "out")
    assert evaluation.generations["prompt"].tolist() == ["the nurse"] * 3 + ["the woman"] * 2
    assert evaluation.metrics["perplexity"] == {}
    assert evaluation.metrics["gendered_tokens"] == {"nll": None, "n": 0}
    assert evaluation.metrics["fluency"]["reference"] == "judge"
    settings = evaluation.metrics["settings"]
    assert settings["reference_sha256"] == hashlib.sha256((judge / "model.safetensors").read_bytes()).hexdigest()
    assert settings["pronoun_gap_occupations"] == "prompts"
    assert list(evaluation.metrics["pronoun_gap"]["groups"]) == ["nurse"]
    printed = capsys.readouterr().out
    assert "Mean ratio" in printed
    assert "reference: judge" in printed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "./missing"}, "./missing: no such folder"),
        ({"reference": "./missing"}, "./missing: no such folder"),
        ({"classifier": "./missing"}, "./missing: no such folder"),
        ({"prompts": "./missing.json"}, "no such prompt file"),
        ({"prompts": "prompts.json", "occupations": "tuning"}, "--occupations tuning: .*--prompts"),
        ({"text": "./missing.txt"}, "--text: .*missing.txt: no such file"),
        ({"preset": "paper"}, "--preset paper: .*give --prompts AmazonScience/bold"),
        ({"samples": 0}, "--samples is 0"),
        ({"coherence_samples": 0}, "--coherence_samples is 0"),
        ({"batch_size": -1}, "--batch_size is -1"),
        ({"batch_size": 0}, "--batch_size is 0"),
        ({"top_p": 2.0}, "top_p is 2.0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**63}, "seed is 9223372036854775808"),
        ({"context": 1000}, "--context 1000"),
        ({"max_new_tokens": 100}, "exceed the context"),
        ({"device": "cuda:2", "trainer": Devices(2)}, "--device cuda:2: is a single device.*give --device cuda"),
    ],
)
def test_mistakes_are_found_before_anything_is_generated(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], message: str
) -> None:
    monkeypatch.setattr("distill.evaluation.measure_context.write_generations", lambda *_: pytest.fail("generated"))
    with pytest.raises(UserError, match=message):
        evaluate(**({"model": str(model_folder), "output": tmp_path / "out", "preset": "smoke"} | change))
    assert not (tmp_path / "out").exists()


def test_a_broken_reference_is_found_before_anything_is_generated(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.evaluation.measure_context.write_generations", lambda *_: pytest.fail("generated"))
    broken = shutil.copytree(model_folder, tmp_path / "broken")
    (broken / "model.safetensors").unlink()
    with pytest.raises(UserError, match="broken: no causal language model could be loaded"):
        evaluate(str(model_folder), tmp_path / "out", preset="smoke", reference=str(broken))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["file", "file/out"])
def test_an_output_that_is_a_file_is_refused(model_folder: Path, tmp_path: Path, output: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file, not a folder"):
        evaluate(str(model_folder), tmp_path / output, preset="smoke")


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (0, "damaged: its logits are not finite"),
        (12, "probabilities of '.+' are not finite"),
        (60, "of '(The|Ms) .+' are not"),
    ],
)
def test_damaged_weights_are_one_line_and_leave_nothing(
    model_folder: Path, text: Path, tmp_path: Path, position: int, message: str
) -> None:
    """At the first token, met on loading; further on, in the text; further than any text, in a continuation.

    The numbers are finite, which loading asks for, and of a size at which what is computed from them is not.
    """
    damaged = GPT2LMHeadModel.from_pretrained(model_folder)
    damaged.transformer.wpe.weight.data[position] = 3.3e38
    damaged.transformer.wpe.weight.data[position, 0] = -3.3e38
    folder = shutil.copytree(model_folder, tmp_path / "damaged")
    damaged.save_pretrained(folder)
    with pytest.raises(UserError, match=message) as caught:
        evaluate(str(folder), tmp_path / "out", preset="smoke", text=str(text))
    assert str(caught.value).startswith(str(folder))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_failure_leaves_no_metrics_of_other_generations(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    arguments = {"model": str(model_folder), "output": output, "preset": "smoke", "max_new_tokens": 4}
    evaluate(**arguments)
    monkeypatch.setattr("distill.evaluation.likelihood.fluency.mean_nll", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate(**arguments, seed=1)
    assert not (output / "metrics.json").exists()


def test_continuations_of_another_model_or_gender_are_not_taken_for_these(model_folder: Path, tmp_path: Path) -> None:
    """The same weights with another config, and the same prompt with its gender corrected."""
    prompts, output = tmp_path / "prompts.jsonl", tmp_path / "out"
    rows = [{"group": "nurse", "prompt": "the nurse"}, {"group": "who", "prompt": "the woman", "gender": "male"}]
    other = shutil.copytree(model_folder, tmp_path / "deep" / model_folder.name)
    config = json.loads((other / "config.json").read_text(encoding="utf-8")) | {"activation_function": "relu"}
    (other / "config.json").write_text(json.dumps(config), encoding="utf-8")

    def generations(model: Path) -> pd.DataFrame:
        prompts.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        evaluate(str(model), output, preset="smoke", prompts=str(prompts), max_new_tokens=8)
        return load(output).generations

    first = generations(model_folder)
    second = generations(other)
    assert (first["continuation"] != second["continuation"]).any()
    rows[1]["gender"] = "female"
    third = generations(other)
    assert set(third["gender"].dropna()) == {"female"}
    assert (third["prompt_id"] == second["prompt_id"]).all()


def test_likelihoods_by_document_and_text_add_up_to_the_measures(result: Path) -> None:
    evaluation = load(result)
    assert evaluation.nlls is not None
    sums = evaluation.nlls.groupby("measure")[["nll", "count"]].sum()
    perplexities, metrics = evaluation.metrics["perplexity"], evaluation.metrics
    for name, entry in perplexities.items():
        assert np.exp(sums.loc[name, "nll"] / sums.loc[name, "count"]) == pytest.approx(entry["value"])
    for name, entry in (("gendered", metrics["gendered_tokens"]), ("fluency", metrics["fluency"])):
        assert sums.loc[name, "nll"] / sums.loc[name, "count"] == pytest.approx(entry["nll"])
    assert evaluation.nlls.groupby("measure").size().to_dict() == {
        **dict.fromkeys(("token", "token_strided", "word", "gendered"), 2),
        "fluency": len(evaluation.generations),
    }
