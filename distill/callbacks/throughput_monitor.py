"""What a user watches: the terms of the loss, learning rate, gradient norm, speed, memory, and the time left."""

import resource
import sys
import time
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.optim import Optimizer

from distill.data.datamodule import CounterfactualDataModule
from distill.module import STEP_TERMS, DistillationModule


class Watch(Callback):
    """Logs `train/*` every `trainer.log_every_n_steps` optimiser steps, as a mean over all processes.

    Attributes:
        loss: the latest logged.
        tokens_per_s: over all devices, since the step that was logged before; validations are left out.
        remaining_s: seconds until the last step, at the pace of this process so far, validations included.
    """

    def __init__(self) -> None:
        self.loss = self.tokens_per_s = self.remaining_s = float("nan")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The clock starts at the first step's end: what comes before is start-up."""
        self._first: tuple[float, int] | None = None
        self._window: tuple[float, int] | None = None
        self._paused = 0.0

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A validation says nothing about the speed of training."""
        self._pause_started = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave its time out."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._paused += time.perf_counter() - self._pause_started

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """The learning rate of this step, before the schedule goes on."""
        self._lr = optimizer.param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """At the end of each optimiser step."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        step = trainer.global_step
        # 0: never
        if trainer.log_every_n_steps and step % trainer.log_every_n_steps == 0:
            self._log(trainer, pl_module, step)
        if self._first is None:
            self._first = self._window = (time.perf_counter(), step)

    def _log(self, trainer: pl.Trainer, pl_module: pl.LightningModule, step: int) -> None:
        assert isinstance(pl_module, DistillationModule)
        terms = trainer.strategy.reduce(pl_module.step_terms.mean(0), reduce_op="mean").tolist()
        self.loss = terms[0]
        values = dict(zip(STEP_TERMS, terms, strict=True)) | {"lr": self._lr, "grad_norm": pl_module.gradient_norm}
        now = time.perf_counter()
        if self._first is not None and self._window is not None:
            data = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(data, CounterfactualDataModule)
            tokens = (step - self._window[1]) * data.global_batch_size * data.block_size
            self.tokens_per_s = tokens / (now - self._window[0] - self._paused)
            self.remaining_s = (
                (trainer.estimated_stepping_batches - step) * (now - self._first[0]) / (step - self._first[1])
            )
            values |= {"tokens_per_s": self.tokens_per_s, "remaining_s": self.remaining_s}
        self._window, self._paused = (now, step), 0.0
        values["peak_gib"] = peak_memory(pl_module.device) / 2**30
        pl_module.log_dict({f"train/{name}": float(value) for name, value in values.items()})


def peak_memory(device: torch.device) -> int:
    """The most bytes that this process has held: of a GPU's memory where the device is one, else of the machine's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
