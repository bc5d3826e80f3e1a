"""Checkpoint files: read without executing code, written atomically; and the loop state that a fit continues with."""

from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.loops import _FitLoop

from augment.runtime.atomic_write import atomic_write
from distill.errors import UserError

_REQUIRED: dict[str, type] = {
    "state_dict": dict, "global_step": int, "epoch": int, "loops": dict, "pytorch-lightning_version": str,
}  # fmt: skip


_REQUIRED_TO_CONTINUE: dict[str, type] = {"optimizer_states": list, "lr_schedulers": list}


def read_checkpoint(path: Path | str, to_continue: bool = False) -> dict[str, Any]:
    """Read a checkpoint to the CPU; no code in it is ever executed.

    Args:
        path: The file.
        to_continue: Whether it must hold what a fit continues with, and not only what is measured.

    Returns:
        Its content: tensors and plain values.

    Raises:
        UserError: If it is corrupt or not a checkpoint.
        OSError: If it cannot be read.
    """
    with Path(path).open("rb") as file:
        try:
            checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            raise _refused(path, type(error).__name__) from error
    if not isinstance(checkpoint, dict):
        raise _refused(path, f"it holds a {type(checkpoint).__name__}")
    for name, kind in (_REQUIRED | (_REQUIRED_TO_CONTINUE if to_continue else {})).items():
        if not isinstance(checkpoint.get(name), kind):
            raise _refused(path, f"{name} is missing, or of another type")
    if not all(isinstance(tensor, torch.Tensor) for tensor in checkpoint["state_dict"].values()):
        raise _refused(path, "state_dict has values that are not tensors")
    return checkpoint


def _refused(path: Path | str, reason: str) -> UserError:
    return UserError(
        f"checkpoint {str(path)!r} is corrupt or not a checkpoint ({reason}): give another with --ckpt_path FILE, or "
        "remove it to start from scratch"
    )


def last_checkpoint_path(output: Path | str) -> Path:
    """The file that `--ckpt_path last` stands for in a run's output folder."""
    return Path(output) / "checkpoints" / "last.ckpt"


def check_unfinished(output: Path) -> None:
    """Refuse to start a new run in the folder of one that is not finished.

    Raises:
        UserError: If an unfinished run would be overwritten.
    """
    last, student = last_checkpoint_path(output), output / "student"
    if last.is_file() and not (student.is_dir() and student.stat().st_mtime >= last.stat().st_mtime):
        raise UserError(
            f"{str(output)!r} holds an unfinished run: add --ckpt_path last to continue it, choose another "
            f"trainer.default_root_dir, or remove {str(last)!r} to start from scratch"
        )


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint atomically, so that a kill leaves the previous one; reads no pickled objects."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write the file completely or not at all.

        Raises:
            OSError: If it cannot be written.
        """

        def write(unfinished: Path) -> None:
            # Given a path, torch would write its name into the file.
            with unfinished.open("wb") as file:
                torch.save(checkpoint, file)

        try:
            atomic_write(Path(path), write, fsync=True, exclusive=True)
        except (OSError, RuntimeError) as error:
            # torch's writer reports a full disk as a RuntimeError.
            raise OSError(f"checkpoint {str(path)!r} cannot be written, the previous one is kept: {error}") from error

    def load_checkpoint(self, path: str | Path, map_location: Any = None, weights_only: Any = None) -> dict[str, Any]:
        """Read the file to the CPU, tensors and plain values only.

        Raises:
            UserError: If it is corrupt or not a checkpoint.
        """
        return read_checkpoint(path)


def fit_loop_state(step: int, steps_per_epoch: int, accumulation: int, fresh: _FitLoop) -> dict[str, Any]:
    """The state of Lightning's fit loop between two optimiser steps.

    Args:
        step: Optimiser steps that are done.
        steps_per_epoch: Optimiser steps of a whole epoch.
        accumulation: Micro-batches of an optimiser step on each process.
        fresh: A loop that has not run, whose state is taken as the template.

    Returns:
        The state, as the loop loads it.
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
            # In the middle of an epoch, which has started and is not done.
            progress["ready"] = progress["started"] = epoch + 1
    state["epoch_loop.state_dict"]["_batches_that_stepped"] = step
    return state


def _set(tracker: dict[str, int], value: int) -> None:
    for name in tracker:
        tracker[name] = value
