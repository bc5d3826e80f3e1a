"""SIGINT (Ctrl-C) and SIGTERM: a run stops between two optimiser steps, on all processes together, and can continue.

A validation or test stops at once: it has no partial result to save.
"""

import logging
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from distill.errors import Stopped
from distill.runtime.signals import handling_signals, raise_stopped

log = logging.getLogger(__name__)


class GracefulStop(Callback):
    """While training, the first signal ends the run after the current step; a second one, a second later, at once."""

    def __init__(self) -> None:
        self._received = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace Lightning's handlers, which communicate with other processes from within a signal and may hang."""
        self._received = 0
        self._handle(self._note)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace them in a standalone validation, too: Lightning's would end it as if it were complete."""
        if trainer.state.fn == "validate":
            self._handle(raise_stopped)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace Lightning's handlers, as in a standalone validation."""
        self._handle(raise_stopped)

    def _handle(self, handler: Callable[[int, FrameType | None], Any]) -> None:
        self._context = handling_signals(handler)
        self._context.__enter__()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._received:
            raise_stopped(number, frame)
        self._received = number
        log.info("stopping after this step; the same signal again, a second later, stops at once")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop before an optimiser step if any process has received a signal.

        Raises:
            Stopped: If one has.
        """
        if batch_idx % trainer.accumulate_grad_batches:
            return
        received = self._received
        if trainer.world_size > 1:
            number = torch.tensor(received, device=trainer.strategy.root_device)
            received = int(trainer.strategy.reduce(number, reduce_op="max"))
        if received:
            raise Stopped(received, between_steps=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the earlier signal handlers."""
        self._context.__exit__(None, None, None)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the earlier signal handlers."""
        if trainer.state.fn == "validate":
            self._context.__exit__(None, None, None)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the earlier signal handlers."""
        self._context.__exit__(None, None, None)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Restore the earlier signal handlers, whatever ended the run."""
        if hasattr(self, "_context"):
            self._context.__exit__(None, None, None)
