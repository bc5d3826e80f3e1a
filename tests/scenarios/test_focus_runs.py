"""Runs that draw the blocks that teach most more often: what they draw, continue with, say, and refuse."""

from pathlib import Path

import pytest
import torch

from distill.cli.dispatch import main
from distill.data.datamodule import CounterfactualDataModule
from distill.module import DistillationModule
from tests.fits import fit, metrics, refused, weights
from tests.scenarios.test_resume import die_in, killed_fit


@pytest.fixture(scope="module")
def ranking(recipe, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ranking")
    options = [f"--output={folder / 'preview'}", "--tokens=64", f"--rank={folder / 'ranking.parquet'}"]
    main(["preview", f"--config={recipe}", *options])
    return folder / "ranking.parquet"


def test_corrected_or_not_a_killed_run_draws_the_same(recipe, ranking, tmp_path):
    focused = ("--data.focus=0.5", f"--data.focus_ranking={ranking}", "--checkpoint.every_n_train_steps=1")
    fit(recipe, tmp_path / "quiet", *focused)
    die = die_in(DistillationModule, "training_step", lambda module, batch, index: module.global_step == 3)
    killed_fit(recipe, tmp_path / "killed", *focused, patch=die)
    fit(recipe, tmp_path / "killed", *focused, "--ckpt_path=last")
    quiet, killed = weights(tmp_path / "quiet"), weights(tmp_path / "killed")
    assert [name for name, tensor in quiet.items() if not torch.equal(tensor, killed[name])] == []
    card = (tmp_path / "quiet" / "student" / "README.md").read_text()
    assert "0.5 of the draws by what a block teaches, its loss divided by how much more often it is drawn" in card

    fit(recipe, tmp_path / "other", *focused, "--data.focus_correction=false")
    card = (tmp_path / "other" / "student" / "README.md").read_text()
    assert "which is another objective than the text's: such blocks count more" in card
    corrected, other = (float(metrics(tmp_path / name)[0]["train/loss"]) for name in ("quiet", "other"))
    assert corrected < other


def test_what_does_not_fit_is_refused(recipe, ranking, corpus, tmp_path, capsys, monkeypatch):
    output = tmp_path / "run"
    line = refused(capsys, recipe, output, "--data.focus=0.5")
    assert "data.focus and data.focus_ranking need each other" in line
    focused = ("--data.focus=0.5", f"--data.focus_ranking={ranking}", f"--data.train={corpus / 'validation.jsonl'}")
    monkeypatch.setattr(CounterfactualDataModule, "train_dataloader", None)
    with pytest.raises(SystemExit):
        fit(recipe, output, *focused)
    assert "is of another text, or of another tokenizer: it ranks 400 documents" in capsys.readouterr().err
