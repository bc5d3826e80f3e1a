"""The odds within the gendered tokens: what the student learns of them, whatever share of the next words they are.

The divergence over the whole vocabulary weighs *he* against *she* by their mass, which is small after most prefixes.
"""

import torch
from torch import Tensor

__all__ = ["odds_divergence"]


def odds_divergence(log_target: Tensor, log_q: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Compute √m · KL(p″ ‖ q), both given that one of the gendered tokens comes; m is their mass in the target.

    The root lies between two extremes: weighted by m itself, this is a part of the divergence over the vocabulary;
    unweighted, prefixes that no gendered word follows would count as much as “The nurse said that”.

    Args:
        log_target: `[C, V]` log p″ at temperature 1.
        log_q: `[C, V]` log-probabilities of the student at temperature 1.
        tokens: `[K]` ids of the gendered tokens.

    Returns:
        `[C]` value in nats, and `[C, K]` gradient with respect to the student's logits of these tokens; those of all
        other tokens have none. Both are 0 where the target has no mass at these tokens.
    """
    own, student = (row.index_select(-1, tokens) for row in (log_target, log_q))
    mass = own.logsumexp(-1, keepdim=True).exp()
    log_p, log_q = own.log_softmax(-1), student.log_softmax(-1)
    p, q = log_p.exp(), log_q.exp()
    weight = mass.sqrt()
    # A probability of 0 in the target counts 0, and a row without mass has no log-softmax.
    value = torch.where(p > 0, p * (log_p - log_q), 0).sum(-1, keepdim=True)
    used = mass > 0
    return torch.where(used, weight * value, 0).squeeze(-1), torch.where(used, weight * (q - p), 0)
