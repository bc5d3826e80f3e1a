"""Checkpoint files: read with a check of what they hold, written whole or not at all, and where a fit goes on."""

from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.loops import _FitLoop  # type: ignore[attr-defined]

from augment.runtime.atomic_write import atomic_write
from distill.errors import UserError

_HELD: dict[str, type] = {
    "state_dict": dict, "global_step": int, "epoch": int, "loops": dict, "pytorch-lightning_version": str,
}  # fmt: skip


_HELD_TO_CONTINUE: dict[str, type] = {"optimizer_states": list, "lr_schedulers": list}


def read_checkpoint(path: Path | str, to_continue: bool = False) -> dict[str, Any]:
    """A checkpoint's content on the CPU; nothing that it holds is ever executed.

    Args:
        path: the file.
        to_continue: it must hold what a fit continues with, and not only what is measured.

    Raises:
        UserError: it is damaged, or no checkpoint.
    """
    with Path(path).open("rb") as file:
        try:
            checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            raise _refused(path, type(error).__name__) from error
    if not isinstance(checkpoint, dict):
        raise _refused(path, f"it holds a {type(checkpoint).__name__}")
    for name, kind in (_HELD | (_HELD_TO_CONTINUE if to_continue else {})).items():
        if not isinstance(checkpoint.get(name), kind):
            raise _refused(path, f"{name} is missing, or of another type")
    if not all(isinstance(tensor, torch.Tensor) for tensor in checkpoint["state_dict"].values()):
        raise _refused(path, "state_dict holds more than tensors")
    return checkpoint


def _refused(path: Path | str, reason: str) -> UserError:
    return UserError(
        f"checkpoint {str(path)!r} is damaged, or is none ({reason}): give another with --ckpt_path FILE, or remove it "
        "to start anew"
    )


def last_checkpoint_path(output: Path | str) -> Path:
    """Where `--ckpt_path last` finds a run's latest checkpoint."""
    return Path(output) / "checkpoints" / "last.ckpt"


def check_unfinished(output: Path) -> None:
    """Make sure that a new run doesn't replace the checkpoints of one that was not finished.

    Raises:
        UserError: it would.
    """
    last, student = last_checkpoint_path(output), output / "student"
    if last.is_file() and not (student.is_dir() and student.stat().st_mtime >= last.stat().st_mtime):
        raise UserError(
            f"{str(output)!r} holds a run that was not finished: add --ckpt_path last to continue it, choose another "
            f"trainer.default_root_dir, or remove {str(last)!r} to start anew"
        )


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it, so that a kill leaves the one before; reads no pickles."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write the file as a whole or not at all."""

        def write(unfinished: Path) -> None:
            # Given a path, torch would write its name into the file.
            with unfinished.open("wb") as file:
                torch.save(checkpoint, file)

        try:
            atomic_write(Path(path), write, fsync=True, exclusive=True)
        except (OSError, RuntimeError) as error:
            # torch's writer reports a full disk as a RuntimeError
            raise OSError(f"checkpoint {str(path)!r} can't be written, the one before stays: {error}") from error

    def load_checkpoint(self, path: str | Path, map_location: Any = None, weights_only: Any = None) -> dict[str, Any]:
        """Read the file to the CPU, tensors and plain values only."""
        return read_checkpoint(path)


def loops_at(step: int, steps_per_epoch: int, accumulation: int, fresh: _FitLoop) -> dict[str, Any]:
    """The state of the fit loop when `step` optimiser steps are done, with all that belongs to them.

    Args:
        step: optimiser steps done.
        steps_per_epoch: of the whole epoch.
        accumulation: micro-batches that a process takes in a step.
        fresh: a loop that has not run, for the form of its state.
    """
    epoch, step_of_epoch = divmod(step, steps_per_epoch)
    state = fresh.state_dict()
    batches = state["epoch_loop.batch_progress"]
    _set(batches["total"], step * accumulation)
    _set(batches["current"], step_of_epoch * accumulation)
    optimizer = state["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
    for progress in (optimizer["step"], optimizer["zero_grad"], state["epoch_loop.scheduler_progress"]):
        _set(progress["total"], step)
        _set(progress["current"], step_of_epoch)
    for progress in state["epoch_progress"].values():
        _set(progress, epoch)
        if step_of_epoch:
            # in the middle: this epoch has started, and is not done
            progress["ready"] = progress["started"] = epoch + 1
    state["epoch_loop.state_dict"]["_batches_that_stepped"] = step
    return state


def _set(tracker: dict[str, int], value: int) -> None:
    for name in tracker:
        tracker[name] = value
