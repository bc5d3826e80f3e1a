"""Are the continuations still language? A broken model looks fair.

Measured by the mean −log P per token under a reference model, because the worst text would dominate a mean of
perplexities.
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
"""Number of continuations that are tokenised, scored and cached at a time."""


def continuation_nlls(
    reference: ScoredModel, prompts: Sequence[str], continuations: Sequence[str], context: int
) -> list[NDArray[np.float64]]:
    """Compute −log P of each token of the continuations given their prompts, in nats, under a reference model.

    Prompt and continuation are tokenised together by the reference model's own tokenizer; a token that spans the
    boundary belongs to the continuation.

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
    """Compute the mean −log P over all tokens of all continuations, in nats; None if there are no tokens.

    Args:
        reference: The reference model.
        texts: Pairs of prompt and continuation; iterated once, piece by piece.
        count: Number of continuations.
        context: Window size in tokens.
        cache: Finished pieces.
    """
    total, tokens = 0.0, 0
    remaining = iter(texts)
    with tqdm(total=count, desc="fluency", unit="text", delay=2) as bar:
        for start in range(0, count, _PIECE):
            piece = list(islice(remaining, _PIECE))

            def summed(piece: list[tuple[str, str]] = piece) -> tuple[float, int]:
                prompts, continuations = zip(*piece, strict=True)
                nlls = continuation_nlls(reference, prompts, continuations, context)
                return float(sum(nll.sum() for nll in nlls)), sum(map(len, nlls))

            added, counted = cache.get_or_compute(f"fluency-{start:08}", summed)
            total, tokens = total + added, tokens + counted
            bar.update(len(piece))
    return total / tokens if tokens else None
