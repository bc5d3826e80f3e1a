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


class ExportStudent(Callback):
    """At the end of a fit, writes `<output>/student/`: the best checkpoint's weights, or the last step's without
    validation."""

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the folder on the first process."""
        assert isinstance(pl_module, DistillationModule)
        checkpoint = trainer.checkpoint_callback
        best = checkpoint.best_model_path if isinstance(checkpoint, ModelCheckpoint) and checkpoint.monitor else ""
        if trainer.is_global_zero and not trainer.fast_dev_run:
            if best:
                _load_student(pl_module, Path(best))
            datamodule = trainer.datamodule  # type: ignore[attr-defined]
            folder = export_student(pl_module, datamodule, trainer, Path(trainer.default_root_dir), Path(best).stem)
            log.info("student written to %s", folder)
        trainer.strategy.barrier("student written")


def _load_student(module: DistillationModule, checkpoint: Path) -> None:
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)


class Throughput(Callback):
    """Logs tokens per second over all devices, and on a GPU the peak memory of this one in GiB."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._steps = 0

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
