"""The fused distillation loss: value and gradient chunk by chunk, without a tensor of all logits."""

from distill.losses.objective import DistillationLoss, DistillationObjective, distillation_loss

__all__ = ["DistillationLoss", "DistillationObjective", "distillation_loss"]
