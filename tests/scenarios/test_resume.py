"""A run that was killed, stopped or spoilt continues: with the same bytes, on other devices, with today's settings."""

import math
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from distill.callbacks.nonfinite_guard import _stop
from distill.errors import RecipeWarning, RunError
from distill.module import STEP_TERMS, DistillationModule
from distill.training import export
from distill.training.checkpoint_io import AtomicCheckpointIO, last_checkpoint_path, read_checkpoint
from distill.training.metrics_csv import SPEED
from tests.fits import fit, metrics, refused, weights

PATIENCE_S = 120
EVERY_STEP = "--checkpoint.every_n_train_steps=1"


def killed_fit(recipe: Path, output: Path, *overrides: str, patch: Callable[[], None]) -> None:
    """A fit in a process of its own, which is killed with signal 9 where `patch` has put `die`."""
    pid = os.fork()
    if pid == 0:
        # Whatever happens, this process must not go on with pytest's other tests, nor let its parent wait forever.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(PATIENCE_S)
        try:
            patch()
            fit(recipe, output, *overrides)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_in(owner: object, name: str, when: Callable[..., bool]) -> Callable[[], None]:
    """A patch: `owner.name` kills instead of running, once `when(*arguments)`."""

    def patch() -> None:
        function = getattr(owner, name)

        def killing(*arguments, **keywords):
            if when(*arguments):
                die()
            return function(*arguments, **keywords)

        setattr(owner, name, killing)

    return patch


def half_a_checkpoint() -> None:
    """A patch: killed in the middle of writing the third last.ckpt."""
    save, written = torch.save, []

    def killing(checkpoint, file):
        written.append(file)
        if len([file for file in written if "last" in file.name]) == 3:
            file.write(b"half a checkpoint")
            file.flush()
            die()
        save(checkpoint, file)

    torch.save = killing


def same(one: Path, other: Path) -> None:
    """Both wrote the same student, byte for byte, and the same metrics, but for the speed."""
    for path in (one / "student").iterdir():
        if path.name != "README.md":
            assert path.read_bytes() == (other / "student" / path.name).read_bytes(), path.name
    rows = [
        [{name: value for name, value in row.items() if name not in SPEED} for row in metrics(output)]
        for output in (one, other)
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param(
            die_in(DistillationModule, "training_step", lambda module, *_: module.trainer.global_step == 0),
            id="before the first checkpoint",
        ),
        pytest.param(
            die_in(
                DistillationModule,
                "training_step",
                lambda module, _, index: module.trainer.global_step == 3 and index % 4 == 2,
            ),
            id="between micro-batches",
        ),
        pytest.param(
            die_in(
                DistillationModule,
                "validation_step",
                lambda module, *_: module.trainer.global_step == 4 and not module.trainer.sanity_checking,
            ),
            id="in a validation",
        ),
        pytest.param(half_a_checkpoint, id="in a checkpoint"),
        pytest.param(die_in(export, "model_card", lambda *_: True), id="in the export"),
    ],
)
@pytest.mark.parametrize("every", [1, 500])
def test_a_killed_run_continues_as_if_it_was_not(run, recipe, tmp_path, patch, every):
    often = (f"--checkpoint.every_n_train_steps={every}", "--ckpt_path=last")
    killed_fit(recipe, tmp_path, *often, patch=patch)
    assert not (tmp_path / "student").exists()
    fit(recipe, tmp_path, *often)
    same(run, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"student", "checkpoints", "config.yaml", "metrics.csv"}


@pytest.mark.parametrize(
    "part",
    [
        "--model.student.adapter.rank=2",
        "--data.document_mask=true",
        "--model.loss.odds_weight=1 --model.loss.odds_falls=true",
    ],
)
def test_a_killed_run_continues_as_if_it_was_not_with_each_part(recipe, tmp_path, part):
    options = (*part.split(), EVERY_STEP, "--ckpt_path=last")
    fit(recipe, tmp_path / "whole", *options)
    kd = [float(row["val/kd"]) for row in metrics(tmp_path / "whole") if row["val/kd"]]
    assert kd[-1] < 0.9 * kd[0]
    patch = die_in(
        DistillationModule, "training_step", lambda module, _, index: (module.trainer.global_step, index % 4) == (3, 2)
    )
    killed_fit(recipe, tmp_path / "killed", *options, patch=patch)
    fit(recipe, tmp_path / "killed", *options)
    same(tmp_path / "whole", tmp_path / "killed")


def test_epochs_continue_where_they_were(corpus, recipe, tmp_path):
    # Epochs of 11 steps, batches made ahead by a worker; killed around the first epoch's end and in the second.
    short = (f"--data.train={corpus / 'validation.jsonl'}", "--trainer.max_steps=-1", "--trainer.max_epochs=2",
             "--trainer.val_check_interval=1.0", "--trainer.check_val_every_n_epoch=1",
             "--data.num_workers=1", EVERY_STEP)  # fmt: skip
    fit(recipe, tmp_path / "whole", *short)
    steps = len([row for row in metrics(tmp_path / "whole") if row["train/loss"]])
    epoch = steps // 2
    assert steps == 2 * epoch > 20
    for step in (epoch - 1, epoch, epoch + 1, epoch + 5, 2 * epoch - 1):
        patch = die_in(
            DistillationModule, "training_step", lambda module, *_, at=step: module.trainer.global_step == at
        )
        killed_fit(recipe, tmp_path / "killed", *short, "--ckpt_path=last", patch=patch)
    fit(recipe, tmp_path / "killed", *short, "--ckpt_path=last")
    same(tmp_path / "whole", tmp_path / "killed")


def test_a_run_continues_with_another_accumulation(run, recipe, tmp_path):
    # What another number of devices comes to: Lightning counts micro-batches, and there are fewer of them now.
    fit(recipe, tmp_path, "--trainer.max_steps=3", "--data.micro_batch_size=2")
    last = read_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    assert last["global_step"] == 3
    fit(recipe, tmp_path, "--ckpt_path=last", "--data.micro_batch_size=4")
    assert [row["step"] for row in metrics(tmp_path) if row["train/loss"]] == list("012345")


ORDER = "some blocks are repeated and others left out"
MEASURE = "the earlier best checkpoint is forgotten"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("--data.global_batch_size=4", ["data.global_batch_size 4 (before: 8)", ORDER]),
        ("--seed_everything=8", ["data.seed 8 (before: 7)", ORDER]),
        ("--data.block_size=16", ["data.block_size 16 (before: 32)", ORDER, MEASURE]),
        ("--data.train={corpus}/validation.jsonl", ["data.train ", " blocks of ", ORDER]),
        ("--data.validation={corpus}/train.jsonl", ["data.validation ", MEASURE]),
        ("--model.perturbation.operator=max", ["model.perturbation.operator max (before: expmean)", MEASURE]),
        ("--model.loss.temperature=2", ["model.loss.temperature 2.0 (before: 1.0)", MEASURE]),
        ("--data.document_mask=true", ["data.document_mask True (before: False)", MEASURE]),
        ("--data.micro_batch_size=4", []),
        ("--model.optimizer.lr=0.02", []),
    ],
)
def test_a_run_that_goes_on_with_something_else_says_so(recipe, corpus, tmp_path, change, told):
    fit(recipe, tmp_path, "--trainer.max_steps=1")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(recipe, tmp_path, "--trainer.max_steps=2", "--ckpt_path=last", change.format(corpus=corpus))
    said = [str(warning.message) for warning in caught if "this run continues with" in str(warning.message)]
    assert len(said) == bool(told)
    assert all(words in message for message in said for words in told)
    assert sum(consequence in message for message in said for consequence in (ORDER, MEASURE)) == sum(
        words in (ORDER, MEASURE) for words in told
    )
    assert read_checkpoint(last_checkpoint_path(tmp_path))["global_step"] == 2
    assert ("changed during the run | after step 1: " in (tmp_path / "student" / "README.md").read_text()) == bool(told)


def test_changes_are_remembered_through_further_continuations(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.max_steps=1")
    for steps, temperature in ((2, 2), (3, 2), (4, 1)):
        changed = f"--model.loss.temperature={temperature}"
        fit(recipe, tmp_path, f"--trainer.max_steps={steps}", changed, "--ckpt_path=last")
    card = (tmp_path / "student" / "README.md").read_text()
    assert "after step 1: model.loss.temperature 2.0 (before: 1.0); after step 3: model.loss.temperature 1.0" in card


def test_a_best_state_by_another_loss_is_forgotten(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.max_steps=2")
    # Cross-entropy of text: far more than a divergence.
    fit(recipe, tmp_path, "--trainer.max_steps=4", "--ckpt_path=last", "--model.loss.lm_weight=1",
        "--model.optimizer.lr=1e-9")  # fmt: skip
    best = read_checkpoint(tmp_path / "checkpoints" / "best.ckpt")
    assert best["global_step"] == 4
    values = [float(row["val/loss"]) for row in metrics(tmp_path) if row["val/loss"]]
    assert values[-1] > 10 * values[0]


def test_a_run_measured_by_another_recipe_is_told(run, recipe, tmp_path):
    last = f"--ckpt_path={run / 'checkpoints' / 'last.ckpt'}"
    with pytest.warns(
        RecipeWarning, match=r"last.ckpt is measured with model.perturbation.operator max \(before: expm"
    ):
        fit(recipe, tmp_path, last, "--model.perturbation.operator=max", command="validate")


def test_the_command_line_wins_over_the_checkpoint(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.max_steps=3")
    fit(recipe, tmp_path, "--ckpt_path=last", "--model.optimizer.lr=0.002", "--model.optimizer.betas=[0.5,0.6]",
        "--model.optimizer.weight_decay=0.1")  # fmt: skip
    state = read_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    groups = state["optimizer_states"][0]["param_groups"]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert all(tuple(group["betas"]) == (0.5, 0.6) for group in groups)
    assert state["lr_schedulers"][0]["base_lrs"] == [0.002, 0.002]
    rates = [float(row["train/lr"]) for row in metrics(tmp_path) if row["train/lr"]]
    # linear decay over six steps, without warm-up
    assert rates[3:] == pytest.approx([0.002 * (6 - step) / 6 for step in (3, 4, 5)])
    assert "hyper_parameters" not in state


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step(run, recipe, tmp_path, capsys, monkeypatch, number):
    step = DistillationModule.training_step

    def signalled(module, batch, batch_idx):
        if module.trainer.global_step == 3 and batch_idx % 4 == 1:
            os.kill(os.getpid(), number)
        return step(module, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(DistillationModule, "training_step", signalled)
        with pytest.raises(SystemExit) as caught:
            fit(recipe, tmp_path)
    assert caught.value.code == 128 + number
    assert "stopped after step 4" in capsys.readouterr().err
    assert read_checkpoint(tmp_path / "checkpoints" / "last.ckpt")["global_step"] == 4
    fit(recipe, tmp_path, "--ckpt_path=last")
    same(run, tmp_path)


def _signalled_twice(monkeypatch) -> None:
    step = DistillationModule.training_step

    def signalled(module, batch, batch_idx):
        if module.trainer.global_step == 3 and batch_idx % 4 == 1:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        return step(module, batch, batch_idx)

    monkeypatch.setattr(DistillationModule, "training_step", signalled)


def test_a_signal_that_comes_twice_is_one(recipe, tmp_path, capsys, monkeypatch):
    save = AtomicCheckpointIO.save_checkpoint

    def signalled(*arguments, **keywords):
        os.kill(os.getpid(), signal.SIGTERM)
        save(*arguments, **keywords)

    _signalled_twice(monkeypatch)
    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", signalled)
    monkeypatch.setattr("distill.runtime.signals._DEBOUNCE_SECONDS", PATIENCE_S)
    with pytest.raises(SystemExit) as caught:
        fit(recipe, tmp_path, "--trainer.limit_val_batches=0")
    assert caught.value.code == 128 + signal.SIGINT
    assert "stopped after step 4" in capsys.readouterr().err
    assert read_checkpoint(last_checkpoint_path(tmp_path))["global_step"] == 4


def test_a_second_signal_stops_at_once(recipe, tmp_path, capsys, monkeypatch):
    _signalled_twice(monkeypatch)
    monkeypatch.setattr("distill.runtime.signals._DEBOUNCE_SECONDS", 0)
    with pytest.raises(SystemExit) as caught:
        fit(recipe, tmp_path, "--trainer.limit_val_batches=0")
    assert caught.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err.strip().splitlines()[-1] == "distill fit: stopped"
    assert not last_checkpoint_path(tmp_path).exists()


@pytest.mark.parametrize("command", ["validate", "test"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_measurement_without_a_result(run, recipe, tmp_path, capsys, monkeypatch, number, command):
    monkeypatch.setattr(DistillationModule, "validation_step", lambda *_: os.kill(os.getpid(), number))
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(SystemExit) as caught:
        fit(recipe, tmp_path, f"--ckpt_path={run / 'checkpoints' / 'last.ckpt'}", command=command)
    assert caught.value.code == 128 + number
    shown = capsys.readouterr()
    assert shown.err.strip().splitlines()[-1] == f"distill {command}: stopped"
    assert "/loss" not in shown.out
    assert before == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]


def _has_stepped(output: Path) -> bool:
    return (output / "metrics.csv").exists() and len(metrics(output)) > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_stops_after_the_step(recipe, tmp_path, number):
    # What a terminal's Ctrl-C, `timeout` and `scancel` send: the processes that prepare batches get it too.
    output = tmp_path / "run"
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            signal.alarm(PATIENCE_S)
            with (tmp_path / "log").open("w") as log:
                os.dup2(log.fileno(), 2)
            sys.stderr = os.fdopen(2, "w", buffering=1)
            fit(recipe, output, "--data.num_workers=1", "--trainer.max_steps=100000", "--trainer.limit_val_batches=0")
        except SystemExit as caught:
            os._exit(caught.code)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    while not _has_stepped(output) and os.waitpid(pid, os.WNOHANG) == (0, 0):
        time.sleep(0.05)
    os.killpg(pid, number)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + number, (tmp_path / "log").read_text()
    assert "stopped after step" in (tmp_path / "log").read_text()
    assert read_checkpoint(last_checkpoint_path(output))["global_step"] > 0


def test_a_new_run_is_not_continued_from_the_one_before(run, recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.max_steps=2", "--model.optimizer.lr=0.02")
    assert (tmp_path / "checkpoints" / "best.ckpt").is_file()
    start = die_in(DistillationModule, "training_step", lambda *_: True)
    killed_fit(recipe, tmp_path, patch=start)
    assert not list((tmp_path / "checkpoints").iterdir())
    fit(recipe, tmp_path, "--ckpt_path=last")
    same(run, tmp_path)


@pytest.mark.parametrize("moved", [True, False], ids=["moved", "spelled otherwise"])
def test_the_best_state_is_remembered_where_the_folder_has_another_name(recipe, tmp_path, monkeypatch, moved):
    monkeypatch.chdir(tmp_path)
    fit(recipe, Path("run"), "--trainer.max_steps=2")
    folder = (tmp_path / "run").rename("elsewhere") if moved else tmp_path / "run"
    best = read_checkpoint(folder / "checkpoints" / "best.ckpt")["global_step"]
    # Steps that carry it far away.
    fit(recipe, folder, "--trainer.max_steps=4", "--model.optimizer.lr=10", "--ckpt_path=last")
    assert read_checkpoint(folder / "checkpoints" / "last.ckpt")["global_step"] == 4
    assert read_checkpoint(folder / "checkpoints" / "best.ckpt")["global_step"] == best
    (state,) = (s for name, s in read_checkpoint(last_checkpoint_path(folder))["callbacks"].items() if "Best" in name)
    assert state["best_model_path"] == str(folder / "checkpoints" / "best.ckpt")


def test_an_unfinished_run_is_not_replaced(capsys, recipe, tmp_path):
    output = tmp_path / "run"
    fit(recipe, output, "--trainer.max_steps=2")
    for path in (output / "student").iterdir():
        path.unlink()
    (output / "student").rmdir()
    with pytest.raises(SystemExit) as caught:
        fit(recipe, output)
    assert caught.value.code == 2
    assert "add --ckpt_path last to continue it" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named(capsys, recipe, tmp_path):
    output = tmp_path / "run"
    fit(recipe, output, "--trainer.max_steps=2")
    last = output / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:5000])
    with pytest.raises(SystemExit) as caught:
        fit(recipe, output, "--ckpt_path=last")
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert str(last) in error
    assert "is corrupt" in error


STRANGE = {
    "a list": lambda checkpoint: [1],
    "of something else": lambda checkpoint: {"a": 1},
    "a step that is a text": lambda checkpoint: checkpoint | {"global_step": "6"},
    "weights that are a list": lambda checkpoint: checkpoint | {"state_dict": [1]},
    "weights that are none": lambda checkpoint: checkpoint | {"state_dict": {"student.a": 1}},
    "no loops": lambda checkpoint: checkpoint | {"loops": None},
}
NOT_TO_CONTINUE = {
    "no optimiser": lambda checkpoint: {key: checkpoint[key] for key in checkpoint if key != "optimizer_states"},
    "a schedule that is none": lambda checkpoint: checkpoint | {"lr_schedulers": 1},
}


@pytest.mark.parametrize("change", (STRANGE | NOT_TO_CONTINUE).values(), ids=STRANGE | NOT_TO_CONTINUE)
def test_a_checkpoint_that_is_not_ours_is_refused(capsys, run, recipe, tmp_path, change):
    file = tmp_path / "strange.ckpt"
    torch.save(change(read_checkpoint(run / "checkpoints" / "last.ckpt")), file)
    cache = f"--data.cache_dir={tmp_path / 'cache'}"
    error = refused(capsys, recipe, tmp_path / "run", f"--ckpt_path={file}", cache)
    assert f"checkpoint {str(file)!r} is corrupt or not a checkpoint" in error
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("change", STRANGE.values(), ids=STRANGE)
def test_a_checkpoint_that_is_not_ours_is_not_measured(capsys, run, recipe, tmp_path, change):
    file = tmp_path / "strange.ckpt"
    torch.save(change(read_checkpoint(run / "checkpoints" / "last.ckpt")), file)
    with pytest.raises(SystemExit) as caught:
        fit(recipe, tmp_path / "run", f"--ckpt_path={file}", command="validate")
    assert caught.value.code == 2
    assert "is corrupt or not a checkpoint" in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_checkpoint_of_another_student_is_refused(capsys, recipe, tmp_path):
    output = tmp_path / "run"
    fit(recipe, output, "--trainer.max_steps=2")
    with pytest.raises(SystemExit) as caught:
        fit(recipe, output, "--ckpt_path=last", "--model.student.layers=[0,1,2]")
    assert caught.value.code == 2
    assert "is of another student" in capsys.readouterr().err


def test_checkpoints_that_execute_code_are_not_read(tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'executed'}",)

    torch.save({"global_step": 1, "state_dict": Harmful()}, tmp_path / "harmful.ckpt")
    with pytest.raises(ValueError, match="is corrupt or not a checkpoint"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "harmful.ckpt")
    assert not (tmp_path / "executed").exists()


def test_a_checkpoint_that_can_not_be_written_leaves_the_one_before(run, tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    before = read_checkpoint(run / "checkpoints" / "last.ckpt")
    AtomicCheckpointIO().save_checkpoint(before, path)

    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc] . unexpected pos")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"last.ckpt' cannot be written"):
        AtomicCheckpointIO().save_checkpoint(before | {"global_step": 99}, path)
    assert read_checkpoint(path)["global_step"] == before["global_step"]
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_two_runs_in_one_folder_are_refused(capsys, recipe, tmp_path):
    output = tmp_path / "run"
    output.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl, sys; file = open({str(output / '.lock')!r}, 'a'); "
         "import signal; signal.alarm(600); fcntl.lockf(file, fcntl.LOCK_EX); print('held', flush=True); "
         "sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(SystemExit) as caught:
            fit(recipe, output)
        assert caught.value.code == 2
        assert "another run is writing into" in capsys.readouterr().err
    finally:
        holder.communicate(timeout=PATIENCE_S)
    fit(recipe, output, "--trainer.max_steps=1", "--trainer.limit_val_batches=0")


def test_a_loss_that_is_no_number_stops_the_run(capsys, corpus, recipe, tmp_path):
    with pytest.raises(SystemExit) as caught:
        fit(recipe, tmp_path, "--model.optimizer.lr=1e30", EVERY_STEP)
    assert caught.value.code == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("distill fit: failed: step 1: loss nan")
    assert f"of {corpus / 'train.jsonl'}" in error
    assert f"the last checkpoint, {str(last_checkpoint_path(tmp_path))!r}, holds the very weights that failed" in error
    assert read_checkpoint(last_checkpoint_path(tmp_path))["global_step"] == 1
    assert not (tmp_path / "student").exists()


def test_a_process_whose_own_text_was_fine_does_not_blame_it(tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    trainer = SimpleNamespace(
        world_size=2, global_step=3, precision="32-true", default_root_dir=tmp_path, checkpoint_callbacks=[]
    )
    module = SimpleNamespace(step_terms=torch.ones(2, len(STEP_TERMS)))
    with pytest.raises(RunError, match="losses of this process's text are finite: the cause is in another's") as caught:
        _stop(trainer, module, torch.tensor([True, True]), torch.tensor(math.nan))
    assert "step 3: loss 1, kd 1, lm 1, hidden 1, odds 1, gradient norm nan: not finite" in str(caught.value)


def test_a_checkpoint_is_good_once_a_step_after_it_was_finite(capsys, recipe, tmp_path, monkeypatch):
    step = DistillationModule.training_step

    def spoilt(module, *arguments):
        return step(module, *arguments) * (math.nan if module.trainer.global_step == 3 else 1)

    monkeypatch.setattr(DistillationModule, "training_step", spoilt)
    with pytest.raises(SystemExit):
        fit(recipe, tmp_path, "--checkpoint.every_n_train_steps=1")
    last, best = (str(tmp_path / "checkpoints" / f"{name}.ckpt") for name in ("last", "best"))
    error = capsys.readouterr().err
    assert f"{last!r}, holds the very weights that failed, and may be corrupted; the last good one is {best!r}" in error
    (tmp_path / "checkpoints" / "last.ckpt").unlink()
    with pytest.raises(SystemExit):
        fit(recipe, tmp_path, "--checkpoint.every_n_train_steps=500")
    assert f"the last good checkpoint is {last!r}" in capsys.readouterr().err


@pytest.mark.parametrize("steps", [1, 6])
def test_a_validation_that_is_no_number_stops_the_run(capsys, recipe, tmp_path, steps):
    with pytest.raises(SystemExit) as caught:
        fit(
            recipe,
            tmp_path,
            "--model.optimizer.lr=1e30",
            f"--trainer.max_steps={steps}",
            "--trainer.val_check_interval=1",
        )
    assert caught.value.code == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("distill fit: failed: step 1: val/loss nan")
    assert "there is no checkpoint yet" in error
    assert not (tmp_path / "student").exists()


@pytest.mark.parametrize("command", ["validate", "test"])
def test_a_spoilt_checkpoint_is_not_measured(capsys, run, recipe, tmp_path, command):
    checkpoint = read_checkpoint(run / "checkpoints" / "last.ckpt")
    for tensor in checkpoint["state_dict"].values():
        tensor.fill_(math.nan)
    torch.save(checkpoint, tmp_path / "spoilt.ckpt")
    with pytest.raises(SystemExit) as caught:
        fit(recipe, tmp_path, f"--ckpt_path={tmp_path / 'spoilt.ckpt'}", command=command)
    assert caught.value.code == 1
    shown = capsys.readouterr()
    assert "The checkpoint is corrupted by non-finite values" in shown.err.strip().splitlines()[-1]
    assert "nan" not in shown.out


def test_gradient_norms_are_logged(run):
    norms = [float(row["train/grad_norm"]) for row in metrics(run) if row["train/grad_norm"]]
    assert len(norms) == 6
    assert all(norm > 0 for norm in norms)


def test_what_a_user_watches_is_in_the_metrics(run):
    row = [row for row in metrics(run) if row["train/loss"]][-1]
    for name in ("loss", "kd", "lm", "hidden", "lr", "tokens_per_s", "remaining_s", "peak_gib", "reversed_rows"):
        assert float(row[f"train/{name}"]) >= 0, name
    assert "tokens/s (median), peak memory" in (run / "student" / "README.md").read_text()


def test_the_bar_counts_batches_until_the_end_of_the_run(recipe, tmp_path, capfd):
    """… with accumulation, and when a run continues."""
    for steps, batches in ((3, 12), (6, 24)):
        fit(
            recipe, tmp_path, f"--trainer.max_steps={steps}", "--trainer.enable_progress_bar=true",
            "--trainer.val_check_interval=3", "--ckpt_path=last",
        )  # fmt: skip
        shown = re.findall(r"Epoch 0:.*?(\d+)/(\d+)", capfd.readouterr().out.replace("\r", "\n"))
        assert shown[-1] == (str(batches), str(batches))
        assert all(int(number) <= int(total) for number, total in shown)


def test_the_bar_of_a_later_epoch_ends_with_the_run(recipe, corpus, tmp_path, capfd):
    fit(
        recipe, tmp_path, f"--data.train={corpus / 'validation.jsonl'}", "--data.global_batch_size=16",
        "--trainer.max_epochs=-1", "--trainer.max_steps=9", "--trainer.enable_progress_bar=true",
        "--trainer.val_check_interval=4",
    )  # fmt: skip
    shown = re.findall(r"Epoch (\d+):.*?(\d+)/(\d+)", capfd.readouterr().out.replace("\r", "\n"))
    assert int(shown[-1][0]) > 0
    assert shown[-1][1] == shown[-1][2]


def test_weights_are_finite(run):
    assert all(torch.isfinite(tensor).all() for tensor in weights(run).values())


def test_an_interrupted_start_leaves_nothing(capsys, recipe, tmp_path):
    assert "fewer than one global batch" in refused(capsys, recipe, tmp_path / "run", "--data.global_batch_size=80000")
