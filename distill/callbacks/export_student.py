"""Exports the student at the end of a fit."""

import logging
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from distill.callbacks.averaged_weights import AveragedWeights
from distill.callbacks.checkpointing import BestCheckpoint
from distill.callbacks.settings_history import SettingsHistory
from distill.callbacks.stop_when_fair import StopWhenFair
from distill.data.datamodule import datamodule_of
from distill.errors import UserError
from distill.module import DistillationModule
from distill.training.checkpoint_io import read_checkpoint
from distill.training.export import export_student

log = logging.getLogger(__name__)


class ExportStudent(Callback):
    """Writes `<output>/student/` at the end of a fit.

    The weights are those of the best checkpoint or, without validation, of the last step.
    """

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Refuse an average that nothing would keep.

        Raises:
            UserError: If `model.optimizer.average` is set, and no `AveragedWeights` comes before this callback.
        """
        assert isinstance(pl_module, DistillationModule)
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined] # set by a connector
        before = callbacks[: callbacks.index(self)]
        if pl_module.optimizer.average and not any(isinstance(callback, AveragedWeights) for callback in before):
            raise UserError(
                "optimizer.average needs a callback that keeps the average: give the trainer "
                "distill.callbacks.averaged_weights.AveragedWeights() before ExportStudent()"
            )

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the folder on the first process."""
        assert isinstance(pl_module, DistillationModule)
        if trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined] # set by a connector
            best = next(
                (callback.path() for callback in trainer.checkpoint_callbacks if isinstance(callback, BestCheckpoint)),
                None,
            )
            if best is not None:
                pl_module.load_state_dict(read_checkpoint(best)["state_dict"], strict=pl_module.strict_loading)
            callbacks = trainer.callbacks  # type: ignore[attr-defined] # set by a connector
            changes = next((callback.changes for callback in callbacks if isinstance(callback, SettingsHistory)), [])
            stops = (callback for callback in callbacks if isinstance(callback, StopWhenFair))
            ended = next((callback.reason(trainer.global_step) for callback in stops), None)
            output = Path(trainer.default_root_dir)
            folder = export_student(pl_module, datamodule_of(trainer), trainer, output, best, changes, ended)
            log.info("student written to %s", folder)
        trainer.strategy.barrier("student written")
