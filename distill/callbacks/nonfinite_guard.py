"""A loss or gradient that is NaN or infinite stops a run before it spoils the weights, and a measure of them too."""

import logging
import math
import time

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from distill.callbacks.checkpointing import BestCheckpoint, LastCheckpoint
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import RunError
from distill.module import STEP_TERMS, TERMS, DistillationModule
from distill.training.checkpoint_io import last_checkpoint_path

log = logging.getLogger(__name__)

_MOST_NAMED = 8
"""Blocks whose documents an error tells: one line is to be read."""


class StopAtNonFinite(Callback):
    """Before each update: the gradient's norm, and an end of the run where it, or the loss, is no finite number.

    A validation or test whose result is none ends it as well, before it becomes a checkpoint or a table.
    """

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Look at this step's loss and gradient, averaged over all processes, not yet clipped.

        Raises:
            RunError: with the step, the documents, and the checkpoint to continue from.
        """
        assert isinstance(pl_module, DistillationModule)
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = pl_module.gradient_norm = get_total_norm(gradients)
        # fp16 finds its scale by overflowing gradients, whose steps are left out
        watched = norm if trainer.precision != "16-mixed" else torch.zeros_like(norm)
        finite = torch.isfinite(pl_module.step_terms).all(1)
        if not (torch.isfinite(watched) & finite.all()):
            _stop(trainer, pl_module, finite, norm)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the means over all processes, which are the same on each.

        Raises:
            RunError: one is not finite.
        """
        _check_measure(trainer, "val")

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As after a validation.

        Raises:
            RunError: one is not finite.
        """
        _check_measure(trainer, "test")


def _check_measure(trainer: pl.Trainer, stage: str) -> None:
    means = {name: float(trainer.callback_metrics.get(f"{stage}/{name}", 0)) for name in TERMS}
    if all(map(math.isfinite, means.values())):
        return
    found = f"{stage}/{', '.join(f'{name} {value:.4g}' for name, value in means.items())}: not finite. "
    if trainer.state.fn != "fit":
        raise RunError(f"{found}The checkpoint is spoilt: measure another with --ckpt_path FILE{_in_full(trainer)}")
    raise RunError(
        f"step {trainer.global_step}: {found}No student is written; {_checkpoints(trainer)}. Lower model.optimizer.lr"
        f"{_in_full(trainer)}"
    )


def _checkpoints(trainer: pl.Trainer) -> str:
    """From where a run can continue: only weights that something finite was computed with are called good."""
    last = last_checkpoint_path(trainer.default_root_dir)
    if not last.is_file():
        return "there is no checkpoint yet"
    steps = [callback.step for callback in trainer.checkpoint_callbacks if isinstance(callback, LastCheckpoint)]
    if trainer.global_step not in steps:
        return f"the last good checkpoint is {str(last)!r}"
    paths = [callback.path() for callback in trainer.checkpoint_callbacks if isinstance(callback, BestCheckpoint)]
    good = next((f"the last good one is {str(path)!r}" for path in paths if path), "there is no earlier one")
    return f"the last checkpoint, {str(last)!r}, holds the very weights that failed, and may be spoilt; {good}"


def _in_full(trainer: pl.Trainer) -> str:
    return "" if trainer.precision.startswith(("32", "64")) else ", or use --trainer.precision 32-true"


def _stop(trainer: pl.Trainer, module: DistillationModule, finite: torch.Tensor, norm: torch.Tensor) -> None:
    """Raise the error; `finite` `[micro-batches]` says which of this process' micro-batches were."""
    bad = (~finite).nonzero().flatten().tolist()
    worst = module.step_terms[bad[0]] if bad else module.step_terms.mean(0)
    terms = ", ".join(f"{name} {value:.4g}" for name, value in zip(STEP_TERMS[:4], worst[:4].tolist(), strict=True))
    if not bad and trainer.world_size > 1:
        # The process whose text it was speaks first.
        time.sleep(2)
        text = "The losses of this process' text are finite: it came from another's, whose error names the text"
    else:
        text = f"The text: {_described(trainer, bad)}"
    raise RunError(
        f"step {trainer.global_step}: {terms}, gradient norm {norm.item():.4g}: not finite. {text}. Nothing was "
        f"updated; {_checkpoints(trainer)}. Look at that text, or lower model.optimizer.lr{_in_full(trainer)}"
    )


def _described(trainer: pl.Trainer, bad: list[int]) -> str:
    """The documents of these micro-batches of the step at hand; where none is bad, of all."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, CounterfactualDataModule)
    micro_batches = data.micro_batches_of(trainer.global_step)
    blocks = [block for number in (bad or range(len(micro_batches))) for block in micro_batches[number]]
    more = f"; and {len(blocks) - _MOST_NAMED:,} more blocks" if len(blocks) > _MOST_NAMED else ""
    return f"{data.describe(blocks[:_MOST_NAMED])}{more}"
