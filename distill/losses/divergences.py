"""How far a student's predictions are from the target: value and gradient in closed form, pure functions.

With u the derivative of a loss with respect to q = softmax(z), its gradient with respect to the logits z is
q · (u − ⟨q, u⟩).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from distill.config import Divergence

__all__ = ["DIVERGENCES"]


def _forward_kl(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    p = log_p.exp()
    divergence = (p * (log_p - log_q)).sum(-1)
    return divergence, log_q.exp().sub_(p)


def _reverse_kl(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    q = log_q.exp()
    surprise = log_q - log_p
    divergence = (q * surprise).sum(-1)
    return divergence, surprise.sub_(divergence.unsqueeze(-1)).mul_(q)


def _jsd(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    log_beta, log_rest = torch.tensor([beta, 1 - beta], dtype=log_p.dtype, device=log_p.device).log()
    log_m = torch.logaddexp(log_p + log_beta, log_q + log_rest)
    q = log_q.exp()
    against_mixture = log_q - log_m
    of_student = (q * against_mixture).sum(-1)
    of_target = (log_p.exp() * (log_p - log_m)).sum(-1)
    gradient = against_mixture.sub_(of_student.unsqueeze(-1)).mul_(q).mul_(1 - beta)
    return beta * of_target + (1 - beta) * of_student, gradient


DIVERGENCES: dict[Divergence, Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]] = {
    "forward_kl": _forward_kl,
    "reverse_kl": _reverse_kl,
    "jsd": _jsd,
}
"""(`[C, V]` log target, `[C, V]` log student, β) -> (`[C]` value, `[C, V]` gradient with respect to the student's
logits)."""
