"""`checkpoints/last.ckpt` and `best.ckpt`: when they are written, and how a run continues from them."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint

from distill.callbacks.settings_history import validation_metric_changed
from distill.data.datamodule import datamodule_of
from distill.errors import Stopped, UserError
from distill.training.checkpoint_io import fit_loop_state, last_checkpoint_path, read_checkpoint
from distill.training.metrics_csv import MetricsFile


class BestCheckpoint(ModelCheckpoint):
    """`checkpoints/best.ckpt`: the state with the lowest validation loss, or the one that a run ended at as fair.

    Never written without validation.
    """

    def __init__(self) -> None:
        super().__init__(
            monitor="val/loss", filename="best", save_on_train_epoch_end=False, enable_version_counter=False
        )

    @property
    def state_key(self) -> str:
        """The key of this callback's state in checkpoints: constant, so that renaming the class forgets no best score.

        It is the one that Lightning derived from the class and its arguments before it was fixed here.
        """
        return (
            "BestCheckpoint{'monitor': 'val/loss', 'mode': 'min', 'every_n_train_steps': 0, 'every_n_epochs': 1, "
            "'train_time_interval': None}"
        )

    def path(self) -> Path | None:
        """The best checkpoint of this run, if there is one: the state of a copied run has the path of the original."""
        best = Path(self.best_model_path)
        return best if best.is_file() and best.parent == Path(self.dirpath or "") else None

    def keep(self, trainer: pl.Trainer) -> None:
        """Replace the best checkpoint by the present state, whatever its validation loss: the run ends with it."""
        path = Path(self.dirpath or "") / "best.ckpt"
        if not trainer.fast_dev_run:  # type: ignore[attr-defined] # set by a connector
            trainer.save_checkpoint(path, weights_only=False)
            self.best_model_path = str(path)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Forget a best checkpoint of a later step than the run continues from, or with another definition of val/loss.

        Otherwise keep it, even if the run's folder was moved or is given as another path: Lightning would then consider
        the next checkpoint the best.
        """
        best = Path(self.dirpath or "") / "best.ckpt"
        states = checkpoint.get("callbacks", {})
        if self.state_key not in states or not best.is_file() or trainer.state.fn != "fit":
            return
        kept = read_checkpoint(best)
        if kept["global_step"] > checkpoint["global_step"] or validation_metric_changed(trainer, checkpoint):
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

    Written every `every_n_train_steps` steps, after each validation, at the end, and when the run is asked to stop;
    always between two optimiser steps, when everything that belongs to the previous one is done (its row in
    metrics.csv, its validation, the best checkpoint), so that nothing is missing and nothing is done twice.

    Args:
        every_n_train_steps: Optimiser steps between two checkpoints.

    Attributes:
        step: The step of the checkpoint that was last written or continued from; 0 before.

    Raises:
        UserError: If `every_n_train_steps` is less than 1.
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
        """Set Lightning's loops to the beginning of the next optimiser step, for the current number of devices."""
        step = self.step = checkpoint["global_step"]
        if trainer.state.fn == "fit":
            data = datamodule_of(trainer)
            data.first_step = step
            loops = fit_loop_state(step, data.steps_per_epoch, trainer.accumulate_grad_batches, trainer.fit_loop)
            checkpoint["loops"] = {"fit_loop": loops}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Continue metrics.csv from this step; a new run removes the checkpoints of an earlier one from its folder."""
        if trainer.global_step == 0 and trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined] # set by a connector
            # If it was killed before its own first checkpoint, it would continue with the weights of another recipe.
            last = last_checkpoint_path(trainer.default_root_dir)
            for stale in (last, last.with_name("best.ckpt")):
                stale.unlink(missing_ok=True)
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile):
                logger.continue_from(trainer.global_step)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Write between two optimiser steps, when it is due."""
        if batch_idx % trainer.accumulate_grad_batches:
            return
        # Lightning counts a step twice when it continues exactly where a validation is due.
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step
        if self._validated or trainer.global_step % self._every == 0:
            self._write(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Request a checkpoint before the next step."""
        self._validated = not trainer.sanity_checking

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the checkpoint of the last step."""
        self._write(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Write if the run was asked to stop, which all processes do between the same two steps."""
        if isinstance(exception, Stopped) and exception.between_steps:
            self._write(trainer)
            exception.message = f"after step {trainer.global_step}; the same command with --ckpt_path last continues"

    def _write(self, trainer: pl.Trainer) -> None:
        if trainer.global_step > self.step and not trainer.fast_dev_run:  # type: ignore[attr-defined] # set by a connector
            trainer.save_checkpoint(last_checkpoint_path(trainer.default_root_dir), weights_only=False)
            self.step = trainer.global_step
        self._validated = False
