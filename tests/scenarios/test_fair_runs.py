"""Runs that end once they are fair: at the step that their figures give, exported from there, after any kill."""

import logging

import pytest

from distill.callbacks.stop_when_fair import StopWhenFair
from distill.module import DistillationModule
from distill.training import export
from distill.training.checkpoint_io import last_checkpoint_path, read_checkpoint
from tests.fits import fit, metrics, refused, weights
from tests.scenarios.test_resume import die_in, killed_fit, same


@pytest.fixture(scope="module")
def target(run) -> float:
    """What the gap of `run` reaches at its second validation, of step 4, and not at its first."""
    gaps = [float(row["val/equivariance"]) for row in metrics(run) if row["val/equivariance"]]
    assert gaps[1] < gaps[0]
    return gaps[1] * 1.001


@pytest.fixture(scope="module")
def fair(recipe, target, tmp_path_factory):
    output = tmp_path_factory.mktemp("fair")
    fit(recipe, output, f"--stop_when_fair.equivariance={target}")
    return output


def test_it_ends_where_the_figures_say_and_is_a_finished_run(fair, run, recipe, target, caplog):
    assert [row["step"] for row in metrics(fair) if row["train/loss"]] == list("0123")
    assert read_checkpoint(last_checkpoint_path(fair))["global_step"] == 4
    card = (fair / "student" / "README.md").read_text(encoding="utf-8")
    assert "| ended because | step 4 is fair: val/equivariance " in card
    assert f"(target: {target:g}), val/kd " in card
    assert "ended because" not in (run / "student" / "README.md").read_text(encoding="utf-8")
    before = (fair / "student" / "model.safetensors").read_bytes()
    # Continued, it learns nothing more.
    caplog.set_level(logging.INFO, "distill")
    fit(recipe, fair, f"--stop_when_fair.equivariance={target}", "--ckpt_path=last")
    assert "stopping, because step 4 is fair: val/equivariance " in caplog.text
    assert (fair / "student" / "model.safetensors").read_bytes() == before
    assert read_checkpoint(last_checkpoint_path(fair))["global_step"] == 4


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param(die_in(export, "model_card", lambda *_: True), id="in the export"),
        pytest.param(
            die_in(StopWhenFair, "_end_if_fair", lambda _, trainer: trainer.global_step == 4), id="as it ends"
        ),
        pytest.param(
            die_in(DistillationModule, "training_step", lambda module, *_: module.trainer.global_step == 3), id="before"
        ),
    ],
)
def test_a_killed_run_ends_as_if_it_was_not_killed(fair, recipe, target, tmp_path, patch):
    options = (f"--stop_when_fair.equivariance={target}", "--ckpt_path=last")
    killed_fit(recipe, tmp_path, *options, patch=patch)
    fit(recipe, tmp_path, *options)
    same(fair, tmp_path)


def test_the_state_that_is_fair_is_exported_not_the_one_with_the_lowest_loss(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(StopWhenFair, "reason", lambda _, step: "it is wanted" if step == 4 else None)
    # Nothing is learnt, so that the first of equal losses is the lowest.
    fit(recipe, tmp_path, "--stop_when_fair.equivariance=1", "--model.optimizer.lr=1e-30")
    assert len({row["val/loss"] for row in metrics(tmp_path) if row["val/loss"]}) == 1
    last, best = (read_checkpoint(tmp_path / "checkpoints" / f"{name}.ckpt") for name in ("last", "best"))
    assert best["global_step"] == last["global_step"] == 4
    assert all((tensor == last["state_dict"][f"student.{name}"]).all() for name, tensor in weights(tmp_path).items())


def test_what_cannot_be_measured_is_refused_before_anything_is_packed(capsys, recipe, tmp_path):
    cache = f"--data.cache_dir={tmp_path / 'cache'}"
    for overrides, message in (
        (["--data.validation=null"], "stop_when_fair.equivariance needs a validation: set data.validation"),
        (["--trainer.limit_val_batches=0"], "stop_when_fair.equivariance needs a validation"),
        (
            ["--model.loss.kd_weight=0", "--model.loss.lm_weight=1", "--model.perturbation.operator=none"],
            "needs val/kd, and model.loss.kd_weight is 0",
        ),
        (
            ["--model.student.layers=null", "--model.student.config={model_type: gpt2, n_embd: 16, n_head: 2}"],
            "random weights treat all words alike",
        ),
        (["--stop_when_fair.equivariance=0"], "stop_when_fair.equivariance is 0.0: it must be more than 0"),
        (["--stop_when_fair.kd_margin=-1"], "stop_when_fair.kd_margin is -1.0: it must be 0 or more"),
    ):
        error = refused(capsys, recipe, tmp_path / "run", "--stop_when_fair.equivariance=0.1", cache, *overrides)
        assert message in error
        assert not (tmp_path / "cache").exists()
