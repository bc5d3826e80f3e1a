"""Runs that average their weights: what is validated, checkpointed, exported, and gone on from."""

from pathlib import Path

import pytest
import torch

from distill.errors import RecipeWarning
from distill.module import DistillationModule
from distill.training.checkpoint_io import last_checkpoint_path, read_checkpoint
from tests.fits import fit, metrics, weights
from tests.scenarios.test_resume import EVERY_STEP, die_in, killed_fit, same

AVERAGE = "--model.optimizer.average=0.9"


@pytest.fixture(scope="module")
def averaged(recipe, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("averaged")
    fit(recipe, output, AVERAGE)
    return output


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_training_itself_is_not_changed(run, averaged):
    live = read_checkpoint(last_checkpoint_path(run))
    checkpoint = read_checkpoint(last_checkpoint_path(averaged), to_continue=True)
    assert checkpoint["averaged_weights"]["updates"] == 6
    assert equal(checkpoint["averaged_weights"]["weights"], live["state_dict"])
    assert not equal(checkpoint["averaged_weights"]["weights"], checkpoint["state_dict"])
    rows = [[(row["train/loss"], row["train/grad_norm"]) for row in metrics(output)] for output in (run, averaged)]
    assert rows[0] == rows[1]
    gained = last_checkpoint_path(averaged).stat().st_size - last_checkpoint_path(run).stat().st_size
    trained = sum(tensor.nbytes for tensor in checkpoint["averaged_weights"]["weights"].values())
    assert trained <= gained < 1.2 * trained


def test_the_average_is_validated_and_exported(averaged, recipe, capsys):
    best = read_checkpoint(averaged / "checkpoints" / "best.ckpt")["state_dict"]
    assert equal({f"student.{name}": tensor for name, tensor in weights(averaged).items()}, best)
    fit(recipe, averaged, command="validate")
    lowest = min(float(row["val/loss"]) for row in metrics(averaged) if row["val/loss"])
    assert f"{lowest:.6f}"[:8] in capsys.readouterr().out
    assert "averaged over the steps up to then (moving average, decay 0.9)" in (
        averaged / "student" / "README.md"
    ).read_text(encoding="utf-8")


def test_without_a_validation_the_last_average_is_exported(averaged, recipe, tmp_path):
    fit(recipe, tmp_path, AVERAGE, "--trainer.limit_val_batches=0")
    last = read_checkpoint(last_checkpoint_path(averaged))["state_dict"]
    assert equal({f"student.{name}": tensor for name, tensor in weights(tmp_path).items()}, last)


def test_a_run_without_an_average_goes_on_from_the_live_weights(recipe, tmp_path):
    whole = ("--ckpt_path=last", "--trainer.limit_val_batches=0")
    for output, average in (("plain", "0"), ("averaged", "0.9")):
        fit(recipe, tmp_path / output, *whole, f"--model.optimizer.average={average}", "--trainer.max_steps=2")
    fit(recipe, tmp_path / "plain", *whole, "--trainer.max_steps=4")
    with pytest.warns(RecipeWarning, match=r"continues with model.optimizer.average 0.0 \(before: 0.9\)$"):
        fit(recipe, tmp_path / "averaged", *whole, "--trainer.max_steps=4")
    same(tmp_path / "plain", tmp_path / "averaged")
    assert "averaged_weights" not in read_checkpoint(last_checkpoint_path(tmp_path / "averaged"))


def test_a_killed_run_with_an_adapter_continues_as_if_it_was_not(recipe, tmp_path):
    options = (AVERAGE, "--model.student.adapter.rank=2", EVERY_STEP, "--ckpt_path=last")
    fit(recipe, tmp_path / "whole", *options)
    patch = die_in(
        DistillationModule,
        "validation_step",
        lambda module, *_: module.trainer.global_step == 4 and not module.trainer.sanity_checking,
    )
    killed_fit(recipe, tmp_path / "killed", *options, patch=patch)
    assert read_checkpoint(last_checkpoint_path(tmp_path / "killed"))["averaged_weights"]["updates"] == 3
    fit(recipe, tmp_path / "killed", *options)
    same(tmp_path / "whole", tmp_path / "killed")
    one, other = (read_checkpoint(last_checkpoint_path(tmp_path / name)) for name in ("whole", "killed"))
    assert equal(one["state_dict"], other["state_dict"])
    assert all(".lora_" in name for name in one["state_dict"].keys() | one["averaged_weights"]["weights"].keys())
