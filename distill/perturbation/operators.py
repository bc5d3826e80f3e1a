"""Combines the factual and the counterfactual teacher prediction: pure functions of log-probabilities.

The operators are our reading of Gupta et al. 2022 (arXiv 2203.12574); the role-reversed vocabulary is our own.
"""

import math
from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from distill.config import Operator
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

__all__ = ["perturb", "perturb_neutral"]


def _expmean(log_p: Tensor, counterfactual_log_p: Tensor) -> Tensor:
    return torch.logaddexp(log_p, counterfactual_log_p) - math.log(2)


_COMBINE: dict[Operator, Callable[[Tensor, Tensor], Tensor]] = {
    "none": lambda log_p, _: log_p,
    "mean": lambda log_p, counterfactual_log_p: (log_p + counterfactual_log_p) / 2,
    "expmean": _expmean,
    "max": torch.maximum,
    "swap": lambda _, counterfactual_log_p: counterfactual_log_p,
}
"""(`[..., V]` log p, `[..., V]` log p̂) -> `[..., V]` log target, before renormalising.

Every operator acts token by token and keeps f(p, p) = p: after a neutral prefix p̂ is p, and `perturb_neutral` applies
the operator to the role-reversed vocabulary's own tokens only, taking all others to be unchanged.
"""


def _combination(operator: Operator) -> Callable[[Tensor, Tensor], Tensor]:
    if operator not in _COMBINE:
        raise ValueError(f"unknown operator {operator!r}: use one of {', '.join(get_args(Operator))}")
    return _COMBINE[operator]


def _renormalise(log_unnormalised: Tensor, fallback: Tensor) -> Tensor:
    """Normalise over the vocabulary; a row without any mass (from disjoint supports) becomes `fallback`."""
    vanished = log_unnormalised.amax(-1, keepdim=True) == -math.inf
    if vanished.any():
        log_unnormalised = torch.where(vanished, fallback, log_unnormalised)
    return log_unnormalised.log_softmax(-1)


def perturb(
    log_p: Tensor,
    counterfactual_log_p: Tensor,
    operator: Operator = "expmean",
    vocabulary: ReversedVocabulary | None = None,
) -> Tensor:
    """Combine factual and counterfactual teacher predictions into the target.

    | operator  | log target, before renormalising          |                                    |
    |-----------|-------------------------------------------|------------------------------------|
    | `none`    | log p                                     | plain distillation                 |
    | `mean`    | (log p + log p̂) / 2                       | geometric mean                     |
    | `expmean` | logaddexp(log p, log p̂) − log 2           | arithmetic mean of probabilities   |
    | `max`     | max(log p, log p̂)                         |                                    |
    | `swap`    | log p̂                                     |                                    |

    Args:
        log_p: `[..., V]` log-probabilities (in nats) of the teacher after the factual prefix.
        counterfactual_log_p: `[..., V]` log-probabilities after the role-reversed prefix.
        operator: One of the table above.
        vocabulary: The role-reversed vocabulary to read the counterfactual prediction through; None: read it as it is.

    Returns:
        `[..., V]` normalised log-probabilities. A row that the operator leaves without mass, since the two predictions
        have disjoint supports, keeps the factual prediction.

    Raises:
        ValueError: If the operator is unknown.

    Example:
        >>> log_p = torch.tensor([0.8, 0.2]).log()
        >>> perturb(log_p, torch.tensor([0.4, 0.6]).log(), "expmean").exp()
        tensor([0.6000, 0.4000])
    """
    combine = _combination(operator)
    if vocabulary is not None:
        vocabulary = vocabulary.to(log_p.device)
        through = vocabulary.read(log_p, counterfactual_log_p)
        counterfactual_log_p = counterfactual_log_p.index_copy(-1, vocabulary.tokens, through)
    return _renormalise(combine(log_p, counterfactual_log_p), log_p)


def perturb_neutral(log_p: Tensor, operator: Operator, vocabulary: ReversedVocabulary) -> Tensor:
    """`perturb(log_p, log_p, operator, vocabulary)`, computed on the vocabulary's own columns only.

    After a neutral prefix the counterfactual prediction is the factual one, so every operator leaves the other tokens
    as they are, up to the normalisation.

    Args:
        log_p: `[..., V]` log-probabilities of the teacher after a neutral prefix.
        operator: See `perturb`.
        vocabulary: The role-reversed vocabulary.

    Returns:
        `[..., V]` normalised log-probabilities.

    Raises:
        ValueError: If the operator is unknown.
    """
    combine = _combination(operator)
    vocabulary = vocabulary.to(log_p.device)
    own = log_p.index_select(-1, vocabulary.tokens)
    combined = combine(own, vocabulary.read(log_p, log_p))
    return _renormalise(log_p.index_copy(-1, vocabulary.tokens, combined), log_p)
