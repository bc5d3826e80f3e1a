"""What runs beside the training: the export of the student, and how fast and how large the run is."""

import logging
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from distill.data import CounterfactualDataModule
from distill.export import export_student
from distill.module import DistillationModule

log = logging.getLogger(__name__)


class BestCheckpoint(ModelCheckpoint):
    """`checkpoints/best.ckpt`: the state with the lowest validation loss. Never written without validation."""

    def __init__(self) -> None:
        super().__init__(
            monitor="val/loss", filename="best", save_on_train_epoch_end=False, enable_version_counter=False
        )

    def path(self) -> Path | None:
        """The file of this run, if there is one: a run that was copied elsewhere remembers the path of another."""
        best = Path(self.best_model_path)
        return best if best.is_file() and best.parent == Path(self.dirpath or "") else None


class LastCheckpoint(ModelCheckpoint):
    """`checkpoints/last.ckpt`, which `--ckpt_path last` continues from: the state of the latest step.

    Written every so many steps, after each validation, and at the end. (Lightning's own `save_last` is written only
    where a best one is.)

    Args:
        every_n_train_steps: optimiser steps between two writings.
    """

    def __init__(self, every_n_train_steps: int = 500) -> None:
        super().__init__(filename="last", every_n_train_steps=every_n_train_steps, enable_version_counter=False)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write, unless this step was written already."""
        self._save(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write, unless this step was written already."""
        self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        if not self._should_skip_saving_checkpoint(trainer):
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))


class ExportStudent(Callback):
    """At the end of a fit, writes `<output>/student/`: the best checkpoint's weights, or the last step's without
    validation."""

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the folder on the first process."""
        assert isinstance(pl_module, DistillationModule)
        if trainer.is_global_zero and not trainer.fast_dev_run:
            best = next(
                (callback.path() for callback in trainer.checkpoint_callbacks if isinstance(callback, BestCheckpoint)),
                None,
            )
            if best is not None:
                pl_module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
            datamodule = trainer.datamodule  # type: ignore[attr-defined]
            folder = export_student(pl_module, datamodule, trainer, Path(trainer.default_root_dir), best)
            log.info("student written to %s", folder)
        trainer.strategy.barrier("student written")


class Throughput(Callback):
    """Logs tokens per second over all devices, and on a GPU the peak memory of this one in GiB."""

    def __init__(self) -> None:
        self._started: float | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """At the end of each optimiser step."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        now = time.perf_counter()
        if self._started is not None:
            data = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(data, CounterfactualDataModule)
            tokens = data.global_batch_size * data.block_size
            pl_module.log("train/tokens_per_s", tokens / (now - self._started))
            if torch.cuda.is_available() and pl_module.device.type == "cuda":
                pl_module.log("train/peak_gib", torch.cuda.max_memory_allocated(pl_module.device) / 2**30)
        self._started = now

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A step that holds a validation says nothing about the speed of training."""
        self._started = None
