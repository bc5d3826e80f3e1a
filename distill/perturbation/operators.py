"""Combines the factual and the counterfactual teacher prediction: pure functions of log-probabilities.

The operators are our reading of Gupta et al. 2022 (arXiv 2203.12574); the role-reversed vocabulary is our own.
"""

import math
from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from distill.config import MovedTokens, Operator
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
    *,
    strength: float = 1.0,
    tokens: MovedTokens = "all",
) -> Tensor:
    """Combine factual and counterfactual teacher predictions into the target.

    | operator  | log target, before renormalising          |                                    |
    |-----------|-------------------------------------------|------------------------------------|
    | `none`    | log p                                     | plain distillation                 |
    | `mean`    | (log p + log p̂) / 2                       | geometric mean                     |
    | `expmean` | logaddexp(log p, log p̂) − log 2           | arithmetic mean of probabilities   |
    | `max`     | max(log p, log p̂)                         |                                    |
    | `swap`    | log p̂                                     |                                    |

    With the strength s, the target is (1 − s) · log p + s · log p″, renormalised. With the tokens `gendered`, those of
    the role-reversed vocabulary share their factual sum in the proportions of that target, and all others keep their
    factual probability. Given that a gendered token comes, the target is then as symmetric as before; how likely one is
    and which other token comes remain those of the factual prefix.

    Args:
        log_p: `[..., V]` log-probabilities (in nats) of the teacher after the factual prefix.
        counterfactual_log_p: `[..., V]` log-probabilities after the role-reversed prefix.
        operator: One of the table above.
        vocabulary: The role-reversed vocabulary to read the counterfactual prediction through; None: read it as it is.
        strength: s, between 0 and 1.
        tokens: `gendered`: change only the probabilities of the vocabulary's words, first names excepted.

    Returns:
        `[..., V]` normalised log-probabilities. A row that the operator leaves without mass, since the two predictions
        have disjoint supports, keeps the factual prediction.

    Raises:
        ValueError: If the operator is unknown, the strength is not between 0 and 1, or only gendered tokens shall move
            and there is no vocabulary.

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
    target = _renormalise(combine(log_p, counterfactual_log_p), log_p)
    return _limit(log_p, target, vocabulary, strength, tokens)


def perturb_neutral(
    log_p: Tensor,
    operator: Operator,
    vocabulary: ReversedVocabulary,
    *,
    strength: float = 1.0,
    tokens: MovedTokens = "all",
) -> Tensor:
    """`perturb(log_p, log_p, operator, vocabulary, …)`, computed on the vocabulary's own columns only.

    After a neutral prefix the counterfactual prediction is the factual one, so every operator leaves the other tokens
    as they are, up to the normalisation.

    Args:
        log_p: `[..., V]` log-probabilities of the teacher after a neutral prefix.
        operator: See `perturb`.
        vocabulary: The role-reversed vocabulary.
        strength: See `perturb`.
        tokens: See `perturb`.

    Returns:
        `[..., V]` normalised log-probabilities.

    Raises:
        ValueError: If the operator is unknown, or the strength is not between 0 and 1.
    """
    combine = _combination(operator)
    vocabulary = vocabulary.to(log_p.device)
    own = log_p.index_select(-1, vocabulary.tokens)
    combined = combine(own, vocabulary.read(log_p, log_p))
    target = _renormalise(log_p.index_copy(-1, vocabulary.tokens, combined), log_p)
    return _limit(log_p, target, vocabulary, strength, tokens)


def _limit(
    log_p: Tensor, target: Tensor, vocabulary: ReversedVocabulary | None, strength: float, tokens: MovedTokens
) -> Tensor:
    """Move from log p towards the target by the strength, for all tokens or for the vocabulary's words."""
    if not 0 <= strength <= 1:
        raise ValueError(f"strength is {strength}: it must be between 0 and 1")
    if tokens == "gendered" and vocabulary is None:
        raise ValueError("tokens is 'gendered', so a role-reversed vocabulary is needed")
    if strength == 0:
        return log_p
    if strength < 1:
        target = _renormalise((1 - strength) * log_p + strength * target, log_p)
    if tokens == "all" or vocabulary is None:
        return target
    words = vocabulary.words.tokens
    own, moved = (row.index_select(-1, words) for row in (log_p, target))
    mass, moved_mass = own.logsumexp(-1, keepdim=True), moved.logsumexp(-1, keepdim=True)
    return log_p.index_copy(-1, words, torch.where(moved_mass == -math.inf, own, moved - moved_mass + mass))
