"""AdamW with linear warm-up and linear decay; the recipe's settings take precedence over a checkpoint's."""

from collections.abc import Iterable

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from distill.config import OptimizerConfig


def build_optimizer(
    parameters: Iterable[nn.Parameter], settings: OptimizerConfig, steps: int
) -> tuple[AdamW, LambdaLR]:
    """Build the optimiser and its learning-rate schedule, which advances once after every optimiser step.

    Args:
        parameters: Of the model; those that require no gradient are left out.
        settings: The recipe's.
        steps: Optimiser steps of the whole run.

    Returns:
        The optimiser, with a group of matrices (with weight decay) and one of all other parameters; and the schedule.
    """
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    optimizer = AdamW(
        [{"params": [p for p in trained if p.ndim >= 2]}, {"params": [p for p in trained if p.ndim < 2]}],
        lr=settings.lr,
        fused=True,
    )
    # Fused AdamW would unscale the gradients itself, and Lightning then refuses to clip them. Without this flag the
    # gradient scaler unscales them before the step, where they are clipped.
    optimizer._step_supports_amp_scaling = False
    schedule = LambdaLR(optimizer, lambda step: learning_rate_factor(step, steps, settings.warmup_fraction))
    apply_settings(optimizer, schedule, settings)
    return optimizer, schedule


def apply_settings(optimizer: Optimizer, schedule: LambdaLR, settings: OptimizerConfig) -> None:
    """Set the recipe's settings in every group, at the schedule's current step, over those of a loaded checkpoint.

    Args:
        optimizer: The optimiser from `build_optimizer`.
        schedule: Its schedule.
        settings: The recipe's.
    """
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
    """The factor by which the highest learning rate is multiplied at a step.

    Args:
        step: Counted from 0.
        steps: Of the whole run.
        warmup_fraction: Share of the steps over which the learning rate rises.

    Returns:
        Between 0 and 1; 0 once all steps are done.

    Example:
        >>> [round(learning_rate_factor(step, 10, 0.2), 2) for step in (0, 1, 2, 6, 10)]
        [0.33, 0.67, 1.0, 0.5, 0.0]
    """
    warmup = int(warmup_fraction * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return max(0.0, (steps - step) / max(1, steps - warmup))
