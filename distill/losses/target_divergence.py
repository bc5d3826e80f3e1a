"""How far the target moves where the teacher's hidden states are rounded."""

import torch
from torch import Tensor

from distill.losses.fused import TeacherStates, split_chunks
from distill.losses.head_products import Head
from distill.losses.terms import TargetRule

__all__ = ["target_divergence"]

_CHUNK = 256
"""Tokens whose logits are in memory at a time."""


@torch.no_grad()
def target_divergence(
    rule: TargetRule, exact: TeacherStates, rounded: TeacherStates, labels: Tensor, prefix: Tensor
) -> float:
    """Mean KL(p″ ‖ p″ of the rounded states) over the valid tokens, in nats.

    Args:
        rule: Makes the target out of the teacher's predictions.
        exact: The teacher's head and hidden states.
        rounded: The same, with rounded states.
        labels: `[N]` next tokens; those of −100 count nowhere.
        prefix: `[N]` int8 of `PrefixKind`.
    """
    total, tokens = 0.0, 0
    with torch.autocast(labels.device.type, enabled=False):
        for kind, rows, slots in split_chunks(labels, prefix, _CHUNK):
            log_p, log_q = (
                rule.log_target(
                    _log_p(states.weight, states.hidden[rows]),
                    None
                    if slots is None or states.counterfactual_hidden is None
                    else _log_p(states.weight, states.counterfactual_hidden[slots]),
                    kind,
                )
                for states in (exact, rounded)
            )
            p = log_p.exp()
            total += float(torch.where(p > 0, p * (log_p - log_q), 0).sum())
            tokens += len(rows)
    return total / max(tokens, 1)


def _log_p(weight: Tensor, hidden: Tensor) -> Tensor:
    head = Head(weight, hidden)
    return head.logits(hidden, head.buffer(len(hidden))).log_softmax(-1)
