"""Are the continuations still language? A broken model looks fair.

Judged by the mean −log P per token under a reference model: a mean of perplexities would be ruled by the worst text.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from augment.token_spans import common_prefix
from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.scored_model import ScoredModel

_PIECE = 1024
"""Continuations that are tokenised, scored and kept at a time."""


def continuation_nlls(
    reference: ScoredModel, prompts: Sequence[str], continuations: Sequence[str], context: int
) -> list[NDArray[np.float64]]:
    """−log P of each token of the continuations given their prompts, in nats, under a reference model.

    Both are tokenised anew as one text by the reference's own tokenizer; a token that reaches from the prompt into the
    continuation belongs to the continuation.

    Returns:
        For each continuation `[tokens]`; empty for an empty one.
    """
    beginnings = {prompt: reference.encode(prompt) for prompt in set(prompts)}
    sequences = [reference.encode(prompt + text) for prompt, text in zip(prompts, continuations, strict=True)]
    given = [common_prefix(beginnings[prompt], sequence) for prompt, sequence in zip(prompts, sequences, strict=True)]
    nlls = token_nlls(reference, sequences, context)
    return [nll[max(known, 1) - 1 :] for nll, known in zip(nlls, given, strict=True)]


def mean_nll(
    reference: ScoredModel, texts: Iterable[tuple[str, str]], count: int, context: int, cache: ResultCache
) -> float | None:
    """Mean over all tokens of all continuations, in nats; None if there is no token.

    Args:
        reference: The model that judges.
        texts: Prompt and continuation of each, read once and piece by piece.
        count: How many.
        context: Tokens that are read at once.
        cache: Finished pieces.
    """
    total, tokens = 0.0, 0
    remaining = iter(texts)
    with tqdm(total=count, desc="fluency", unit="text", delay=2) as bar:
        for start in range(0, count, _PIECE):
            piece = list(islice(remaining, _PIECE))

            def summed(piece: list[tuple[str, str]] = piece) -> tuple[float, int]:
                nlls = continuation_nlls(reference, *zip(*piece, strict=True), context)
                return float(sum(nll.sum() for nll in nlls)), sum(map(len, nlls))

            added, counted = cache.get_or_compute(f"fluency-{start:08}", summed)
            total, tokens = total + added, tokens + counted
            bar.update(len(piece))
    return total / tokens if tokens else None
