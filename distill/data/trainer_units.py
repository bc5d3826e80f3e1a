"""Converts what a recipe counts in optimiser steps over all devices into Lightning's micro-batches of one device."""

from typing import Any

import pytorch_lightning as pl

from distill.errors import UserError

__all__ = [
    "TrainerUnits", "accumulation_steps", "check_precision", "check_trainer", "limit_per_rank", "validation_interval",
]  # fmt: skip

_LIMITS = ("limit_val_batches", "limit_test_batches")


class TrainerUnits:
    """The attributes of a trainer that follow from the batch sizes and the number of devices, while a run lasts.

    Lightning counts micro-batches of one device, so these attributes are overwritten during a run. Its end restores
    them: the user may run the same trainer again, also with other data.
    """

    def __init__(self) -> None:
        self._original: dict[str, Any] = {}

    def apply_limits(self, trainer: pl.Trainer) -> None:
        """Set how many batches each process measures."""
        for name in _LIMITS:
            self._set(trainer, name, limit_per_rank(getattr(trainer, name), trainer.world_size))

    def apply_steps(self, trainer: pl.Trainer, accumulation: int, steps_per_epoch: int) -> None:
        """Set the gradient accumulation and when a fit validates.

        Args:
            trainer: Of a fit.
            accumulation: Micro-batches that a device accumulates in one optimiser step.
            steps_per_epoch: Optimiser steps of an epoch.

        Raises:
            UserError: If `trainer.val_check_interval` is longer than an epoch.
        """
        interval = validation_interval(trainer, accumulation, steps_per_epoch)
        self._set(trainer, "accumulate_grad_batches", accumulation)
        self._set(trainer, "val_check_interval", interval)

    def restore(self, trainer: pl.Trainer | None) -> None:
        """Restore the values that the user set."""
        for name, value in self._original.items():
            setattr(trainer, name, value)
        self._original.clear()

    def _set(self, trainer: pl.Trainer, name: str, value: int | float) -> None:
        self._original.setdefault(name, getattr(trainer, name))
        setattr(trainer, name, value)


def check_trainer(trainer: pl.Trainer) -> None:
    """Refuse settings of a fit's trainer that follow from the data module's.

    Raises:
        UserError: If one of them is set.
    """
    if trainer.accumulate_grad_batches != 1:
        raise UserError(
            "trainer.accumulate_grad_batches cannot be set: it follows from data.global_batch_size, "
            "data.micro_batch_size and the number of devices"
        )
    if trainer.overfit_batches:  # type: ignore[attr-defined] # set by a connector
        raise UserError("trainer.overfit_batches cannot be set: use a small text and many trainer.max_epochs")
    limit = trainer.limit_train_batches
    # 1 is a single batch per epoch, although equal to 1.0, which is all of them.
    if (isinstance(limit, int) or limit != 1.0) and not trainer.fast_dev_run:  # type: ignore[attr-defined] # set by a connector
        raise UserError("trainer.limit_train_batches cannot be set: use trainer.max_steps for a shorter run")
    # Lightning stores a time interval elsewhere, and leaves this attribute unset then.
    if not hasattr(trainer, "val_check_interval"):
        raise UserError(
            "trainer.val_check_interval cannot be a time: validation runs at the end of an optimiser step; give a "
            "number of steps, or a share of the epoch such as 0.5"
        )


def accumulation_steps(global_batch_size: int, micro_batch_size: int, world_size: int) -> int:
    """Micro-batches that a device accumulates in one optimiser step.

    Args:
        global_batch_size: Blocks of an optimiser step, over all devices.
        micro_batch_size: Blocks of one forward pass on a device.
        world_size: Number of devices.

    Returns:
        At least 1.

    Raises:
        UserError: If the global batch cannot be divided evenly.
    """
    accumulation, rest = divmod(global_batch_size, micro_batch_size * world_size)
    if rest or accumulation < 1:
        raise UserError(
            f"data.global_batch_size ({global_batch_size}) is not a multiple of data.micro_batch_size "
            f"({micro_batch_size}) × devices ({world_size})"
        )
    return accumulation


def validation_interval(trainer: pl.Trainer, accumulation: int, steps_per_epoch: int) -> int | float:
    """`trainer.val_check_interval` in micro-batches, as Lightning counts, and always at the end of a step.

    Args:
        trainer: Of a fit; an integer interval counts optimiser steps.
        accumulation: Micro-batches of an optimiser step.
        steps_per_epoch: Optimiser steps of an epoch.

    Returns:
        Micro-batches; 1.0 for the end of each epoch.

    Raises:
        UserError: If the interval is longer than an epoch.
    """
    interval = trainer.val_check_interval
    if interval == 1.0 and isinstance(interval, float):
        return interval
    steps = interval if isinstance(interval, int) else max(1, int(interval * steps_per_epoch))
    if steps > steps_per_epoch and trainer.check_val_every_n_epoch is not None:
        raise UserError(
            f"trainer.val_check_interval is {steps} steps and an epoch has {steps_per_epoch}: lower it, or set "
            "trainer.check_val_every_n_epoch to null"
        )
    return steps * accumulation


def limit_per_rank(limit: int | float, world_size: int) -> int | float:
    """Convert a number of batches over all processes into that of each, rounded up; a share stays as it is."""
    return -(-limit // world_size) if isinstance(limit, int) else limit


def check_precision(trainer: pl.Trainer) -> None:
    """Refuse a precision that rounds the whole model: it would round rotary frequencies, which no saved model does.

    Raises:
        UserError: If the trainer's precision rounds the whole model.
    """
    precision = trainer.precision
    if precision in ("bf16-true", "16-true") or precision.startswith("transformer-engine"):
        mixed = "16-mixed" if precision == "16-true" else "bf16-mixed"
        raise UserError(
            f"trainer.precision cannot be {precision}: it rounds the positions of rotary models, too, so that the "
            f"saved student would differ from the trained one; use {mixed}"
        )
