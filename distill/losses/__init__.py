"""The fused distillation loss: value and gradient chunk by chunk, without a tensor of all logits."""

from distill.losses.objective import DistillationLoss, distillation_loss

__all__ = ["DistillationLoss", "distillation_loss"]
