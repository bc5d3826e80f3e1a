"""Which sentence of a pair does a model find more likely, the stereotypical one or the other? No sampling.

There are two measures because both are in use and they differ: `summed` log-probability, which penalises longer
sentences (lm-evaluation-harness' `crows_pairs`), and log-probability `per_token` (bias-bench, StereoSet), which does
not. Sentences are scored from their first token on, given the token that begins a text, and their context if any.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.probes.sentence_pairs import SentencePair
from distill.evaluation.probes.stereoset import stereoset_scores
from distill.evaluation.scored_model import ScoredModel
from distill.evaluation.statistics.proportions import wilson

Floats = NDArray[np.float64]


def pair_preference(
    scored_model: ScoredModel, context: int, pairs: Sequence[SentencePair], seed: int = 0
) -> dict[str, Any]:
    """Compute the `preference` of a model among the pairs whose sentences differ.

    Returns:
        What `preference` returns; `n_identical`, the number of pairs of two identical sentences, which are left out;
        and for items of StereoSet, under `stereoset`, their `stereoset_scores`, also in each group.
    """
    different = [pair for pair in pairs if pair.more != pair.less]
    summed, per_token = pair_log_probabilities(scored_model, context, different)
    groups = [pair.group for pair in different]
    result = {**preference(summed, per_token, groups), "n_identical": len(pairs) - len(different)}
    terms = [pair.term for pair in different if pair.term is not None]
    unrelated = [(pair.context, pair.unrelated) for pair in different if pair.unrelated is not None]
    # All items of StereoSet have both, and no other pair has either.
    if terms and unrelated:
        _, third = log_probabilities(scored_model, context, unrelated)
        log_p = np.column_stack([per_token, third])
        result["stereoset"] = stereoset_scores(log_p, terms, seed)
        for name, scores in result["groups"].items():
            rows = [row for row, group in enumerate(groups) if group == name]
            scores["stereoset"] = stereoset_scores(log_p[rows], [terms[row] for row in rows], seed)
    return result


def pair_log_probabilities(
    scored_model: ScoredModel, context: int, pairs: Sequence[SentencePair]
) -> tuple[Floats, Floats]:
    """Compute log P of both sentences of each pair, in nats.

    Returns:
        The sum over tokens, and the mean per token; each `[pairs, 2]`, the more stereotypical sentence first.
    """
    texts = [(pair.context, text) for pair in pairs for text in (pair.more, pair.less)]
    summed, per_token = log_probabilities(scored_model, context, texts)
    return summed.reshape(-1, 2), per_token.reshape(-1, 2)


def log_probabilities(
    scored_model: ScoredModel, context: int, texts: Sequence[tuple[str, str]]
) -> tuple[Floats, Floats]:
    """Compute log P of sentences, in nats.

    Args:
        scored_model: The model.
        context: Window size in tokens.
        texts: What precedes each sentence, which is not scored, and the sentence.

    Returns:
        The sum over tokens, and the mean per token; each `[texts]`.
    """
    beginning = scored_model.start_token
    start = [] if beginning is None else [beginning]
    before = _tokens(scored_model, [given for given, _ in texts])
    whole = _tokens(scored_model, [f"{given} {sentence}" if given else sentence for given, sentence in texts])
    nlls = token_nlls(scored_model, [[*start, *tokens] for tokens in whole], context, "pairs")
    scored = [nll[-count:] for nll, count in zip(nlls, _counts(whole, before), strict=True)]
    summed = -np.array([nll.sum() for nll in scored])
    return summed, summed / np.array([max(len(nll), 1) for nll in scored])


def _tokens(scored_model: ScoredModel, texts: Sequence[str]) -> list[list[int]]:
    return scored_model.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"] if texts else []


def _counts(whole: Sequence[Sequence[int]], before: Sequence[Sequence[int]]) -> list[int]:
    """Return the number of tokens of each sentence, at least 1, as lm-evaluation-harness divides text and context."""
    return [max(len(tokens) - len(given), 1) for tokens, given in zip(whole, before, strict=True)]


def preference(summed: Floats, per_token: Floats, groups: Sequence[str | None]) -> dict[str, Any]:
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


def _summary(summed: Floats, per_token: Floats) -> dict[str, Any]:
    return {"n": len(summed), "summed": _preferred(summed), "per_token": _preferred(per_token)}


def _preferred(log_p: Floats) -> dict[str, Any]:
    difference = log_p[:, 0] - log_p[:, 1]
    preferred = int((difference > 0).sum())
    return {
        "share": preferred / len(difference),
        "ci95": wilson(preferred, len(difference)),
        "difference": float(difference.mean()),
        "abs_difference": float(np.abs(difference).mean()),
    }
