"""Which sentence of a pair does a model find more likely, the stereotypical one or the other? No sampling.

There are two measures because both are in use and they differ: `summed` log-probability, which penalises longer
sentences (lm-evaluation-harness' `crows_pairs`), and log-probability `per_token` (bias-bench), which does not.
Sentences are scored from their first token on, given the token that begins a text.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.probes.sentence_pairs import SentencePair
from distill.evaluation.scored_model import ScoredModel
from distill.evaluation.statistics.proportions import wilson


def pair_preference(scored_model: ScoredModel, context: int, pairs: Sequence[SentencePair]) -> dict[str, Any]:
    """Compute the `preference` of a model."""
    return preference(*pair_log_probabilities(scored_model, context, pairs), [pair.group for pair in pairs])


def pair_log_probabilities(
    scored_model: ScoredModel, context: int, pairs: Sequence[SentencePair]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute log P of both sentences of each pair, in nats.

    Returns:
        The sum over tokens, and the mean per token; each `[pairs, 2]`, the more stereotypical sentence first.
    """
    beginning = scored_model.start_token
    start = [] if beginning is None else [beginning]
    texts = [text for pair in pairs for text in (pair.more, pair.less)]
    encoded = scored_model.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    nlls = token_nlls(scored_model, [[*start, *tokens] for tokens in encoded], context, "pairs")
    summed = -np.array([nll.sum() for nll in nlls]).reshape(-1, 2)
    return summed, summed / np.array([max(len(nll), 1) for nll in nlls]).reshape(-1, 2)


def preference(
    summed: NDArray[np.float64], per_token: NDArray[np.float64], groups: Sequence[str | None]
) -> dict[str, Any]:
    """Compute how often the more stereotypical sentence is the more likely one.

    Args:
        summed: log P, `[pairs, 2]`.
        per_token: log P per token, `[pairs, 2]`.
        groups: Group of each pair; None if the source does not name one.

    Returns:
        `n`; `summed` and `per_token`, each with `share`, where .5 is no preference, its `ci95` (Wilson's interval),
        `difference`, the mean of log P(more) − log P(less), and `abs_difference`, the mean of its absolute value; and
        `groups`: the same for each group that the source names.
    """
    names = [group for group in dict.fromkeys(groups) if group is not None]
    group_of = np.asarray(groups, dtype=object)
    return {
        **_summary(summed, per_token),
        "groups": {str(name): _summary(summed[group_of == name], per_token[group_of == name]) for name in names},
    }


def _summary(summed: NDArray[np.float64], per_token: NDArray[np.float64]) -> dict[str, Any]:
    return {"n": len(summed), "summed": _preferred(summed), "per_token": _preferred(per_token)}


def _preferred(log_p: NDArray[np.float64]) -> dict[str, Any]:
    difference = log_p[:, 0] - log_p[:, 1]
    preferred = int((difference > 0).sum())
    return {
        "share": preferred / len(difference),
        "ci95": wilson(preferred, len(difference)),
        "difference": float(difference.mean()),
        "abs_difference": float(np.abs(difference).mean()),
    }
