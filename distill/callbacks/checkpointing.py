"""`checkpoints/last.ckpt` and `best.ckpt`: when they are written, how, and what they say of the run's place."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint

from distill.callbacks.settings_history import measured_otherwise
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import Stopped, UserError
from distill.training.checkpoint_io import last_checkpoint_path, loops_at, read_checkpoint
from distill.training.metrics_csv import MetricsFile


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

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Forget a best one from beyond the step that the run continues from, which is still to come, and one by what
        val/loss no longer is.

        The run's folder may have been moved, or be spelled otherwise today; Lightning would take the next one for best.
        """
        best = Path(self.dirpath or "") / "best.ckpt"
        states = checkpoint.get("callbacks", {})
        if self.state_key not in states or not best.is_file() or trainer.state.fn != "fit":
            return
        kept = read_checkpoint(best)
        if kept["global_step"] > checkpoint["global_step"] or measured_otherwise(trainer, checkpoint):
            del states[self.state_key]
            return
        score = states[self.state_key]["best_model_score"]
        if kept.get("callbacks", {}).get(self.state_key, {}).get("best_model_score") == score:
            states[self.state_key] |= {
                "dirpath": self.dirpath,
                "best_model_path": str(best),
                "kth_best_model_path": str(best),
                "best_k_models": {str(best): score},
            }


class LastCheckpoint(Checkpoint):
    """`checkpoints/last.ckpt`, which `--ckpt_path last` continues from: the state of the latest step.

    Written every so many steps, after each validation, at the end, and when the run is asked to stop: always between
    two optimiser steps, when all that belongs to the one before is done (its row in metrics.csv, its validation, the
    best checkpoint), so that nothing is missing and nothing is done twice.

    Args:
        every_n_train_steps: optimiser steps between two writings.

    Attributes:
        step: of the file, once it is written or continued from; 0 before.
    """

    def __init__(self, every_n_train_steps: int = 500) -> None:
        if every_n_train_steps < 1:
            raise UserError(f"checkpoint.every_n_train_steps is {every_n_train_steps}: it must be at least 1")
        self._every = every_n_train_steps
        self.step = 0
        self._validated = False

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put Lightning's loops at the beginning of the next optimiser step, on today's number of devices."""
        step = self.step = checkpoint["global_step"]
        if trainer.state.fn == "fit":
            data = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(data, CounterfactualDataModule)
            data.first_step = step
            loops = loops_at(step, data.steps_per_epoch, trainer.accumulate_grad_batches, trainer.fit_loop)
            checkpoint["loops"] = {"fit_loop": loops}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """metrics.csv goes on from this step; a new run forgets the checkpoints of the one before in its folder."""
        if trainer.global_step == 0 and trainer.is_global_zero and not trainer.fast_dev_run:
            # Killed before its own first one, it would be continued with the weights of another recipe.
            last = last_checkpoint_path(trainer.default_root_dir)
            for stale in (last, last.with_name("best.ckpt")):
                stale.unlink(missing_ok=True)
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile):
                logger.continue_from(trainer.global_step)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Between two optimiser steps."""
        if batch_idx % trainer.accumulate_grad_batches:
            return
        # Lightning counts a step twice when it continues exactly where a validation is due.
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step
        if self._validated or trainer.global_step % self._every == 0:
            self._write(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write before the next step."""
        self._validated = not trainer.sanity_checking

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the last step."""
        self._write(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Write when the run was asked to stop between two steps, on all processes together."""
        if isinstance(exception, Stopped) and exception.between_steps:
            self._write(trainer)
            exception.message = f"after step {trainer.global_step}; the same command with --ckpt_path last continues"

    def _write(self, trainer: pl.Trainer) -> None:
        if trainer.global_step > self.step and not trainer.fast_dev_run:
            trainer.save_checkpoint(last_checkpoint_path(trainer.default_root_dir), weights_only=False)
            self.step = trainer.global_step
        self._validated = False
