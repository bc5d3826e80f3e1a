"""AdamW with linear warm-up and linear decay, and the recipe's settings over those of a checkpoint."""

from collections.abc import Iterable

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from distill.config import OptimizerConfig


def build_optimizer(
    parameters: Iterable[nn.Parameter], settings: OptimizerConfig, steps: int
) -> tuple[AdamW, LambdaLR]:
    """The optimiser and its schedule, to be stepped after every optimiser step.

    Args:
        parameters: those without a gradient are left out; weight decay is for matrices only.
        settings: the recipe's.
        steps: optimiser steps of the whole run.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    optimizer = AdamW(
        [{"params": [p for p in trained if p.ndim >= 2]}, {"params": [p for p in trained if p.ndim < 2]}],
        lr=settings.lr,
        fused=True,
    )
    # A gradient scaler unscales before the step, where gradients are clipped; fused AdamW would by itself, and
    # Lightning refuses to clip then.
    optimizer._step_supports_amp_scaling = False
    schedule = LambdaLR(optimizer, lambda step: learning_rate_factor(step, steps, settings.warmup_fraction))
    apply_settings(optimizer, schedule, settings)
    return optimizer, schedule


def apply_settings(optimizer: AdamW, schedule: LambdaLR, settings: OptimizerConfig) -> None:
    """Give every group the recipe's settings, at the schedule's place: what a checkpoint holds is an older recipe's."""
    schedule.base_lrs = [settings.lr] * len(optimizer.param_groups)
    for group, factor, decay in zip(
        optimizer.param_groups, schedule.lr_lambdas, (settings.weight_decay, 0.0), strict=True
    ):
        group.update(
            lr=settings.lr * factor(schedule.last_epoch),
            initial_lr=settings.lr,
            betas=settings.betas,
            eps=settings.eps,
            weight_decay=decay,
        )


def learning_rate_factor(step: int, steps: int, warmup_fraction: float) -> float:
    """Share of the highest learning rate at a step, counted from 0; zero once all are done.

    Example:
        >>> [round(learning_rate_factor(step, 10, 0.2), 2) for step in (0, 1, 2, 6, 10)]
        [0.33, 0.67, 1.0, 0.5, 0.0]
    """
    warmup = int(warmup_fraction * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return max(0.0, (steps - step) / max(1, steps - warmup))
