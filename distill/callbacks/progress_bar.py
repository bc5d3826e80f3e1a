"""The progress bar of a fit: losses and rate beside the steps."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar

from distill.callbacks.throughput_monitor import Watch


class ProgressBar(TQDMProgressBar):
    """Lightning's bar, with the speed, and the time until the end of the whole run."""

    @property
    def total_train_batches(self) -> int | float:
        """Of this epoch, as far as the run goes.

        Lightning's own leaves out accumulation, and what a continued epoch has behind it.
        """
        trainer = self.trainer
        if trainer.max_steps < 0:
            return trainer.num_training_batches
        steps_per_epoch = max(1, int(trainer.num_training_batches) // trainer.accumulate_grad_batches)
        before = trainer.global_step // steps_per_epoch * steps_per_epoch
        return min(trainer.num_training_batches, (trainer.max_steps - before) * trainer.accumulate_grad_batches)

    def on_train_start(self, *hooked: Any) -> None:
        """In the middle of an epoch, where a run continues, Lightning tells its bar neither epoch nor length."""
        super().on_train_start(*hooked)
        self.train_progress_bar.total = self.total_train_batches
        self.train_progress_bar.set_description(f"Epoch {self.trainer.current_epoch}")

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, int | str | float]:
        """What stands behind the bar."""
        watch = next((callback for callback in trainer.callbacks if isinstance(callback, Watch)), None)
        if watch is None or not trainer.training or watch.loss != watch.loss:
            return {}
        shown: dict[str, int | str | float] = {"loss": f"{watch.loss:.3f}"}
        if watch.tokens_per_s == watch.tokens_per_s:
            minutes, seconds = divmod(round(watch.remaining_s), 60)
            shown["tokens/s"] = f"{watch.tokens_per_s:,.0f}"
            shown["left"] = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        return shown
