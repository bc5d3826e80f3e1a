"""SIGINT (Ctrl-C) and SIGTERM: a run stops between two optimiser steps, on all processes together, and can continue.

A measurement, of which nothing would be left, stops at once.
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
    """While training, the first signal ends the run after the step at hand, a second one, a second later, at once."""

    def __init__(self) -> None:
        self._received = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace Lightning's handlers, which talk to other processes from within a signal, and may wait forever."""
        self._received = 0
        self._handle(self._note)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A validation by itself replaces them too: Lightning's end it as if it was done."""
        if trainer.state.fn == "validate":
            self._handle(raise_stopped)

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As in a validation by itself."""
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
        """Before each optimiser step, ask whether any process has been told to stop."""
        if batch_idx % trainer.accumulate_grad_batches:
            return
        received = self._received
        if trainer.world_size > 1:
            number = torch.tensor(received, device=trainer.strategy.root_device)
            received = int(trainer.strategy.reduce(number, reduce_op="max"))
        if received:
            raise Stopped(received, between_steps=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """What follows is short, and may be repeated."""
        self._context.__exit__(None, None, None)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The end of what `on_validation_start` began."""
        if trainer.state.fn == "validate":
            self._context.__exit__(None, None, None)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The end of what `on_test_start` began."""
        self._context.__exit__(None, None, None)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Whatever ends the training, its signals end too."""
        if hasattr(self, "_context"):
            self._context.__exit__(None, None, None)
