"""A loss or gradient that is NaN or infinite stops a run before it spoils the weights."""

import logging
import time

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from distill.checkpoints import LastCheckpoint
from distill.data import CounterfactualDataModule
from distill.errors import RunError
from distill.module import STEP_TERMS, DistillationModule

log = logging.getLogger(__name__)

_MOST_NAMED = 8
"""Blocks whose documents an error tells: one line is to be read."""


class StopAtNonFinite(Callback):
    """Before each update: the gradient's norm, and an end of the run where it, or the loss, is no finite number."""

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


def _stop(trainer: pl.Trainer, module: DistillationModule, finite: torch.Tensor, norm: torch.Tensor) -> None:
    """Raise the error; `finite` `[micro-batches]` says which of this process' micro-batches were."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, CounterfactualDataModule)
    if bool(finite.all()) and trainer.world_size > 1:
        # The process whose text it was speaks first.
        time.sleep(2)
    bad = [] if bool(finite.all()) else (~finite).nonzero().flatten().tolist()
    micro_batches = data.micro_batches_of(trainer.global_step)
    blocks = [block for number in (bad or range(len(micro_batches))) for block in micro_batches[number]]
    more = f"; and {len(blocks) - _MOST_NAMED:,} more blocks" if len(blocks) > _MOST_NAMED else ""
    worst = module.step_terms[bad[0]] if bad else module.step_terms.mean(0)
    terms = ", ".join(f"{name} {value:.4g}" for name, value in zip(STEP_TERMS[:4], worst[:4].tolist(), strict=True))
    last = LastCheckpoint.path_in(trainer.default_root_dir)
    rest = f"the last good checkpoint is {str(last)!r}" if last.is_file() else "there is no checkpoint yet"
    in_full = "" if trainer.precision.startswith(("32", "64")) else ", or use --trainer.precision 32-true"
    raise RunError(
        f"step {trainer.global_step}: {terms}, gradient norm {norm.item():.4g}: not finite. The text: "
        f"{data.describe(blocks[:_MOST_NAMED])}{more}. Nothing was updated; {rest}. Look at that text, or lower "
        f"model.optimizer.lr{in_full}"
    )
