"""Logs loss terms, learning rate, gradient norm, throughput, peak memory and the remaining time of a fit."""

import resource
import sys
import time
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.optim import Optimizer

from distill.data.datamodule import datamodule_of
from distill.module import STEP_TERMS, DistillationModule


class StepThroughput(Callback):
    """Logs `train/*` every `trainer.log_every_n_steps` optimiser steps, as a mean over all processes.

    Attributes:
        loss: The latest logged value; NaN before the first.
        tokens_per_s: Over all devices, since the previously logged step, without validations; NaN before the second.
        remaining_s: Seconds until the last step, at the pace of this process so far, validations included; NaN before
            the second logged step.
    """

    def __init__(self) -> None:
        self.loss = self.tokens_per_s = self.remaining_s = float("nan")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reset the clock, which starts at the end of the first step: what comes before is start-up."""
        self._first: tuple[float, int] | None = None
        self._window: tuple[float, int] | None = None
        self._paused = 0.0

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock: a validation says nothing about the throughput of training."""
        self._pause_started = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the time of the validation out."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._paused += time.perf_counter() - self._pause_started

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Note the learning rate of this step, before the schedule advances."""
        self._lr = optimizer.param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log at the end of an optimiser step, when it is due."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        step = trainer.global_step
        interval = trainer.log_every_n_steps  # type: ignore[attr-defined] # set by a connector
        # 0 means never.
        if interval and step % interval == 0:
            self._log(trainer, pl_module, step)
        if self._first is None:
            self._first = self._window = (time.perf_counter(), step)

    def _log(self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: int) -> None:
        assert isinstance(pl_module, DistillationModule)
        means = trainer.strategy.reduce(pl_module.step_terms.mean(0), reduce_op="mean").tolist()
        values = dict(zip(STEP_TERMS, means, strict=True))
        self.loss = values["loss"]
        values |= {"lr": self._lr, "grad_norm": pl_module.gradient_norm}
        now = time.perf_counter()
        if self._first is not None and self._window is not None:
            data = datamodule_of(trainer)
            tokens = (step - self._window[1]) * data.global_batch_size * data.block_size
            self.tokens_per_s = tokens / (now - self._window[0] - self._paused)
            self.remaining_s = (
                (trainer.estimated_stepping_batches - step) * (now - self._first[0]) / (step - self._first[1])
            )
            values |= {"tokens_per_s": self.tokens_per_s, "remaining_s": self.remaining_s}
        if (rollouts := pl_module.rollouts) is not None:
            values |= {"rollouts": rollouts.texts, "rollouts_dropped": rollouts.dropped}
        self._window, self._paused = (now, step), 0.0
        values["peak_gib"] = peak_memory(pl_module.device) / 2**30
        pl_module.log_dict({f"train/{name}": float(value) for name, value in values.items()})


def peak_memory(device: torch.device) -> int:
    """The most bytes that this process has had in memory: on a GPU the device's, otherwise the machine's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
