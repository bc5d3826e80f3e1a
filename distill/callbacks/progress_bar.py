"""The progress bar of a fit, with loss, throughput and remaining time."""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import TQDMProgressBar

from distill.callbacks.throughput_monitor import StepThroughput


class TrainingProgressBar(TQDMProgressBar):
    """Lightning's bar, with the loss, the throughput, and the time until the end of the whole run."""

    @property
    def total_train_batches(self) -> int | float:
        """The batches of this epoch until its end or the end of the run.

        Lightning's own number ignores accumulation, and the part of an epoch that a continued run has done already.
        """
        trainer = self.trainer
        if trainer.max_steps < 0:
            return trainer.num_training_batches
        steps_per_epoch = max(1, int(trainer.num_training_batches) // trainer.accumulate_grad_batches)
        before = trainer.global_step // steps_per_epoch * steps_per_epoch
        return min(trainer.num_training_batches, (trainer.max_steps - before) * trainer.accumulate_grad_batches)

    def on_train_start(self, *hooked: Any) -> None:
        """Set epoch and length, which Lightning leaves out if a run continues in the middle of an epoch."""
        super().on_train_start(*hooked)
        self.train_progress_bar.total = self.total_train_batches
        self.train_progress_bar.set_description(f"Epoch {self.trainer.current_epoch}")

    def get_metrics(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """The values that are shown to the right of the bar."""
        callbacks = trainer.callbacks  # type: ignore[attr-defined] # set by a connector
        throughput = next((callback for callback in callbacks if isinstance(callback, StepThroughput)), None)
        if throughput is None or not trainer.training or throughput.loss != throughput.loss:
            return {}
        shown: dict[str, int | str | float | dict[str, float]] = {"loss": f"{throughput.loss:.3f}"}
        if throughput.tokens_per_s == throughput.tokens_per_s:
            minutes, seconds = divmod(round(throughput.remaining_s), 60)
            shown["tokens/s"] = f"{throughput.tokens_per_s:,.0f}"
            shown["left"] = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        return shown
