"""Stops a run on a NaN or infinite loss or gradient, before it corrupts the weights, and on such a validation loss."""

import logging
import math
import time

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from distill.callbacks.checkpointing import BestCheckpoint, LastCheckpoint
from distill.data.datamodule import datamodule_of
from distill.errors import RunError
from distill.module import STEP_TERMS, TERMS, DistillationModule
from distill.training.checkpoint_io import last_checkpoint_path

log = logging.getLogger(__name__)

_MOST_NAMED = 8
"""Most blocks whose documents an error names, so that its line stays readable."""


class NonFiniteGuard(Callback):
    """Computes the norm of the gradient before each update, and stops the run if it or the loss is NaN or infinite.

    A validation or test with such a result stops it, too, before the result gets into a checkpoint or a table.
    """

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Check this step's loss and gradient, which is averaged over all processes and not yet clipped.

        Raises:
            RunError: If one is not finite; names the step, the documents, and the checkpoint to continue from.
        """
        assert isinstance(pl_module, DistillationModule)
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = pl_module.gradient_norm = get_total_norm(gradients)
        # The gradient scaler of fp16 finds its scale by gradients that overflow, whose steps it skips.
        watched = norm if trainer.precision != "16-mixed" else torch.zeros_like(norm)
        finite = torch.isfinite(pl_module.step_terms).all(1)
        if not (torch.isfinite(watched) & finite.all()):
            _stop(trainer, pl_module, finite, norm)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check the means over all processes, which are the same on each.

        Raises:
            RunError: If one is not finite.
        """
        _check_means(trainer, "val")

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check the means, as after a validation.

        Raises:
            RunError: If one is not finite.
        """
        _check_means(trainer, "test")


def _check_means(trainer: pl.Trainer, stage: str) -> None:
    means = {name: float(trainer.callback_metrics.get(f"{stage}/{name}", 0)) for name in TERMS}
    if all(map(math.isfinite, means.values())):
        return
    found = f"{stage}/{', '.join(f'{name} {value:.4g}' for name, value in means.items())}: not finite. "
    if trainer.state.fn != "fit":
        raise RunError(
            f"{found}The checkpoint is corrupted by non-finite values: measure another with --ckpt_path FILE"
            f"{_in_full(trainer)}"
        )
    raise RunError(
        f"step {trainer.global_step}: {found}No student is written; {_checkpoints(trainer)}. Lower model.optimizer.lr"
        f"{_in_full(trainer)}"
    )


def _checkpoints(trainer: pl.Trainer) -> str:
    """Where the run can continue from; a checkpoint is called good if its weights have since given finite values."""
    last = last_checkpoint_path(trainer.default_root_dir)
    if not last.is_file():
        return "there is no checkpoint yet"
    steps = [callback.step for callback in trainer.checkpoint_callbacks if isinstance(callback, LastCheckpoint)]
    if trainer.global_step not in steps:
        return f"the last good checkpoint is {str(last)!r}"
    paths = [callback.path() for callback in trainer.checkpoint_callbacks if isinstance(callback, BestCheckpoint)]
    good = next((f"the last good one is {str(path)!r}" for path in paths if path), "there is no earlier one")
    return f"the last checkpoint, {str(last)!r}, holds the very weights that failed, and may be corrupted; {good}"


def _in_full(trainer: pl.Trainer) -> str:
    return "" if trainer.precision.startswith(("32", "64")) else ", or use --trainer.precision 32-true"


def _stop(trainer: pl.Trainer, module: DistillationModule, finite: torch.Tensor, norm: torch.Tensor) -> None:
    """Raise the error of a step.

    Args:
        trainer: Of the fit.
        module: Holds the losses of this process's micro-batches.
        finite: `[micro-batches]` bool, which of these losses are finite.
        norm: Of the gradient, over all processes.

    Raises:
        RunError: Always.
    """
    bad = (~finite).nonzero().flatten().tolist()
    worst = module.step_terms[bad[0]] if bad else module.step_terms.mean(0)
    values = dict(zip(STEP_TERMS, worst.tolist(), strict=True))
    terms = ", ".join(f"{name} {values[name]:.4g}" for name in TERMS)
    if not bad and trainer.world_size > 1:
        # The process whose text caused it reports first.
        time.sleep(2)
        text = "The losses of this process's text are finite: the cause is in another's, whose error names it"
    else:
        text = f"The text: {_described(trainer, bad)}"
    raise RunError(
        f"step {trainer.global_step}: {terms}, gradient norm {norm.item():.4g}: not finite. {text}. Nothing was "
        f"updated; {_checkpoints(trainer)}. Look at that text, or lower model.optimizer.lr{_in_full(trainer)}"
    )


def _described(trainer: pl.Trainer, bad: list[int]) -> str:
    """The documents of the bad micro-batches of the current step; if none is bad, of all."""
    data = datamodule_of(trainer)
    micro_batches = data.micro_batches_of(trainer.global_step)
    blocks = [block for number in (bad or range(len(micro_batches))) for block in micro_batches[number]]
    more = f"; and {len(blocks) - _MOST_NAMED:,} more blocks" if len(blocks) > _MOST_NAMED else ""
    return f"{data.describe(blocks[:_MOST_NAMED])}{more}"
