"""How far the student's predictions are from the target: pure functions, each with its gradient in closed form.

With u the derivative of a loss with respect to q = softmax(z), its gradient with respect to the logits z is
q · (u − ⟨q, u⟩).
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from distill.config import Divergence, LossConfig

__all__ = ["DIVERGENCES", "DivergenceFunction"]

DivergenceFunction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(`[C, V]` log target, `[C, V]` log student) -> (`[C]` value, `[C, V]` gradient with respect to the student's
logits)."""


def _forward_kl(log_p: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor]:
    p = log_p.exp()
    divergence = (p * (log_p - log_q)).sum(-1)
    return divergence, log_q.exp().sub_(p)


def _reverse_kl(log_p: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor]:
    q = log_q.exp()
    log_ratio = log_q - log_p
    divergence = (q * log_ratio).sum(-1)
    return divergence, log_ratio.sub_(divergence.unsqueeze(-1)).mul_(q)


def _jsd(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    log_beta, log_rest = torch.tensor([beta, 1 - beta], dtype=log_p.dtype, device=log_p.device).log()
    log_m = torch.logaddexp(log_p + log_beta, log_q + log_rest)
    q = log_q.exp()
    student_log_ratio = log_q - log_m
    student_kl = (q * student_log_ratio).sum(-1)
    target_kl = (log_p.exp() * (log_p - log_m)).sum(-1)
    gradient = student_log_ratio.sub_(student_kl.unsqueeze(-1)).mul_(q).mul_(1 - beta)
    return beta * target_kl + (1 - beta) * student_kl, gradient


DIVERGENCES: dict[Divergence, Callable[[LossConfig], DivergenceFunction]] = {
    "forward_kl": lambda settings: _forward_kl,
    "reverse_kl": lambda settings: _reverse_kl,
    "jsd": lambda settings: partial(_jsd, beta=settings.jsd_beta),
}
"""The function of each divergence, with the parameters that it takes from the settings."""
