"""Ends a fit once the student's equivariance gap is small enough, and distillation has not suffered for it."""

import logging
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from distill.callbacks.checkpointing import BestCheckpoint
from distill.callbacks.settings_history import validation_metric_changed
from distill.data.datamodule import CounterfactualDataModule, datamodule_of
from distill.errors import UserError
from distill.module import DistillationModule

log = logging.getLogger(__name__)


class StopWhenFair(Callback):
    """Ends the run at the first validation whose val/equivariance has reached a target; exports that very state.

    Args:
        equivariance: End the run once val/equivariance is at most this, in nats, e.g. 0.0005; null: never.
        kd_margin: By which share val/kd may then exceed its lowest value so far: 0.01 is 1 %.

    Raises:
        UserError: If a value is out of its range.
    """

    def __init__(self, equivariance: float | None = None, kd_margin: float = 0.01) -> None:
        if equivariance is not None and not equivariance > 0:
            raise UserError(f"stop_when_fair.equivariance is {equivariance}: it must be more than 0")
        if not kd_margin >= 0:
            raise UserError(f"stop_when_fair.kd_margin is {kd_margin}: it must be 0 or more")
        self._target = equivariance
        self._margin = kd_margin
        self._validated: dict[str, float] = {}

    def check(self, trainer: pl.Trainer, module: DistillationModule, data: CounterfactualDataModule) -> None:
        """Refuse a run that would not measure what the setting needs, or measures nothing meaningful.

        Raises:
            UserError: If there is no validation, no target, no gendered word in the vocabulary, or the student starts
                from random weights.
        """
        if self._target is None:
            return
        if not data.validation_sources or trainer.limit_val_batches == 0:
            raise UserError("stop_when_fair.equivariance needs a validation: set data.validation, or leave it out")
        if not module.uses_target:
            raise UserError(
                "stop_when_fair.equivariance needs val/kd, and model.loss.kd_weight is 0: raise it, or leave it out"
            )
        if module.student_source.config is not None:
            raise UserError(
                "stop_when_fair.equivariance: random weights treat all words alike, and would be fair before they have "
                "learnt anything; start from model.student.layers or path, or leave it out"
            )

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Check a trainer that is used without the command line, and start afresh."""
        self._validated = {}
        if stage == "fit":
            assert isinstance(pl_module, DistillationModule)
            self.check(trainer, pl_module, datamodule_of(trainer))

    def reason(self, step: int) -> str | None:
        """Why the run ends after this step; None if there was no validation then, or it was not fair enough."""
        if self._target is None or self._validated.get("step") != step:
            return None
        gap, kd, lowest = (self._validated[name] for name in ("equivariance", "kd", "lowest_kd"))
        if gap > self._target or kd > (1 + self._margin) * lowest:
            return None
        return (
            f"step {step} is fair: val/equivariance {gap:.4g} (target: {self._target:g}), "
            f"val/kd {kd:.4g} (lowest so far: {lowest:.4g})"
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End a run that continues from where it ended, for instance because it was killed in the export."""
        self._end_if_fair(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare the means over all processes, which are the same on each, so that all end together.

        Raises:
            UserError: If the validation text has no prefix on which the gap could be measured.
        """
        if self._target is None or trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        metrics = trainer.callback_metrics
        if "val/equivariance" not in metrics:
            raise UserError(
                "stop_when_fair.equivariance: the gap cannot be measured on data.validation, because the tokenizer has "
                "no gendered words, or the text no prefix with a reversed or without any gendered word; give other "
                "text, or leave it out"
            )
        kd = float(metrics["val/kd"])
        self._validated = {
            "step": trainer.global_step,
            "equivariance": float(metrics["val/equivariance"]),
            "kd": kd,
            "lowest_kd": min(kd, self._validated.get("lowest_kd", kd)),
        }
        if self._end_if_fair(trainer):
            for callback in trainer.checkpoint_callbacks:
                if isinstance(callback, BestCheckpoint):
                    callback.keep(trainer)

    def _end_if_fair(self, trainer: pl.Trainer) -> bool:
        reason = self.reason(trainer.global_step)
        # Before trainer.min_steps, Lightning would go on nevertheless.
        if reason is None or not trainer.fit_loop._can_stop_early:
            return False
        trainer.should_stop = True
        if trainer.is_global_zero:
            log.info("stopping, because %s", reason)
        return True

    def state_dict(self) -> dict[str, Any]:
        """The figures of the latest validation, and the lowest val/kd."""
        return self._validated

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore them."""
        self._validated = dict(state_dict)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Forget the figures if val/kd is defined differently now."""
        if trainer.state.fn == "fit" and validation_metric_changed(trainer, checkpoint):
            checkpoint["callbacks"].pop(self.state_key, None)
