"""Are the continuations still language? A broken model looks fair.

Measured by the mean −log P per token under a reference model, because the worst text would dominate a mean of
perplexities.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

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


class FluencyPiece(NamedTuple):
    """The likelihood of neighbouring continuations.

    Attributes:
        nats: −log P of each continuation under the reference model, summed over its tokens, in nats.
        tokens: Number of tokens of each continuation, as the reference model reads it.
    """

    nats: list[float]
    tokens: list[int]


def fluency_pieces(
    reference: ScoredModel, texts: Iterable[tuple[str, str]], count: int, context: int, cache: ResultCache
) -> Iterator[FluencyPiece]:
    """Score the continuations piece by piece, in order, so that they never are in memory as a whole.

    Args:
        reference: The reference model.
        texts: Pairs of prompt and continuation; iterated once, piece by piece.
        count: Number of continuations.
        context: Window size in tokens.
        cache: Finished pieces.
    """
    remaining = iter(texts)
    with tqdm(total=count, desc="fluency", unit="text", delay=2) as bar:
        for start in range(0, count, _PIECE):
            piece = list(islice(remaining, _PIECE))

            def summed(piece: list[tuple[str, str]] = piece) -> FluencyPiece:
                prompts, continuations = zip(*piece, strict=True)
                nlls = continuation_nlls(reference, prompts, continuations, context)
                return FluencyPiece([float(nll.sum()) for nll in nlls], list(map(len, nlls)))

            yield FluencyPiece(*cache.get_or_compute(f"fluency-{start:08}", summed))
            bar.update(len(piece))


def mean_nll(pieces: Iterable[FluencyPiece]) -> float | None:
    """Compute the mean −log P over all tokens of all continuations, in nats; None if there are no tokens."""
    total, tokens = 0.0, 0
    for piece in pieces:
        total, tokens = total + sum(piece.nats), tokens + sum(piece.tokens)
    return total / tokens if tokens else None
