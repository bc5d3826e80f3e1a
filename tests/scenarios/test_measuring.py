"""`distill validate` and `distill test` of a run: which checkpoint, and nothing changed."""

import shutil

import pytest
import yaml

from distill.cli.dispatch import main
from tests.fits import fit, metrics


def test_where_a_run_went_on_is_no_part_of_its_recipe(recipe, tmp_path, caplog):
    for steps in (1, 2):
        fit(recipe, tmp_path / "run", f"--trainer.max_steps={steps}", "--ckpt_path=last")
    written = tmp_path / "run" / "config.yaml"
    assert yaml.safe_load(written.read_text())["ckpt_path"] is None
    with caplog.at_level("INFO"):
        main(["validate", f"--config={written}"])
    assert f"measuring {tmp_path / 'run' / 'checkpoints' / 'best.ckpt'}" in caplog.text


def test_measuring_a_run_leaves_its_files_alone(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.max_steps=2")
    before = {name: (tmp_path / name).read_bytes() for name in ("metrics.csv", "config.yaml")}
    last = f"--ckpt_path={tmp_path / 'checkpoints' / 'last.ckpt'}"
    fit(recipe, tmp_path, last, command="validate")
    fit(recipe, tmp_path, "--ckpt_path=last", command="test")
    assert before == {name: (tmp_path / name).read_bytes() for name in before}


def test_validate_and_test_read_a_checkpoint(run, recipe, tmp_path, capsys):
    fit(recipe, tmp_path, f"--ckpt_path={run / 'checkpoints' / 'best.ckpt'}", command="validate")
    last = [row for row in metrics(run) if row["val/loss"]][-1]
    assert f"{float(last['val/loss']):.4f}"[:5] in capsys.readouterr().out
    fit(recipe, tmp_path, f"--ckpt_path={run / 'checkpoints' / 'best.ckpt'}", command="test")


@pytest.mark.parametrize("command", ["validate", "test"])
def test_the_best_checkpoint_is_measured_or_else_the_last(recipe, run, tmp_path, capsys, caplog, command):
    (tmp_path / "checkpoints").mkdir()
    measured = {}
    for name in ("last", "best"):
        file = shutil.copy(run / "checkpoints" / f"{name}.ckpt", tmp_path / "checkpoints")
        caplog.clear()
        with caplog.at_level("INFO"):
            fit(recipe, tmp_path, command=command)
        assert f"measuring {file}" in caplog.text
        measured[name] = capsys.readouterr().out
        fit(recipe, tmp_path, f"--ckpt_path={file}", command=command)
        assert measured[name] == capsys.readouterr().out
        assert "/loss" in measured[name]


@pytest.mark.parametrize("command", ["validate", "test"])
def test_a_student_that_has_learnt_nothing_is_not_measured(recipe, tmp_path, capsys, command):
    output = tmp_path / "run"
    with pytest.raises(SystemExit) as caught:
        fit(recipe, output, command=command)
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"there is no checkpoint in {str(output / 'checkpoints')!r}" in error
    assert not output.exists()
