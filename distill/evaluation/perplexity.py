"""Perplexity: how well a model foretells a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.errors import UserError
from distill.evaluation.bootstrap import DRAWS, ratio_interval
from distill.evaluation.checkpoint import Checkpoint
from distill.evaluation.scoring import token_nlls


@dataclass(frozen=True)
class ScoredDocuments:
    """Documents with what each of their tokens costs.

    Attributes:
        texts: The documents.
        nlls: −log P of each token, `[tokens]` per document, in nats.
        offsets: Characters of each token, `[tokens, 2]` per document; None if the tokenizer does not tell.
    """

    texts: list[str]
    nlls: list[NDArray[np.float64]]
    offsets: list[NDArray[np.int64]] | None


def score_documents(checkpoint: Checkpoint, texts: Sequence[str], context: int) -> ScoredDocuments:
    """Score every token of every document exactly once, in disjoint windows.

    Each document stands alone, after the token that begins a text, so that its first token is scored too.

    Args:
        checkpoint: The model.
        texts: The documents; empty ones are left out.
        context: Tokens of a window.

    Raises:
        UserError: If no document holds a token, or the tokenizer has neither BOS nor EOS.
    """
    beginning = checkpoint.beginning()
    if beginning is None:
        raise UserError(f"{checkpoint.path}: its tokenizer has neither BOS nor EOS, which begins a scored document")
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise UserError("the text to measure perplexity on is empty; give one with at least a word")
    fast = checkpoint.tokenizer.is_fast
    encoded = checkpoint.tokenizer(texts, add_special_tokens=False, return_offsets_mapping=fast, verbose=False)
    sequences = [[beginning, *tokens] for tokens in encoded["input_ids"]]
    return ScoredDocuments(
        texts=texts,
        nlls=token_nlls(checkpoint, sequences, context, "perplexity"),
        offsets=[np.asarray(o, dtype=np.int64).reshape(-1, 2) for o in encoded["offset_mapping"]] if fast else None,
    )


def token_perplexity(
    nlls: Sequence[NDArray[np.float64]], stride: int, seed: int = 0, draws: int = DRAWS
) -> dict[str, Any]:
    """Perplexity per token over documents.

    Args:
        nlls: −log P of each token, `[tokens]` per document.
        stride: Tokens between the beginnings of two windows; recorded, because perplexity depends on it.
        seed: Seed of the bootstrap over documents.
        draws: Bootstrap draws.

    Returns:
        `value`: exp(nll); `nll`: mean nats per token; `tokens`; `ci95` of the value, None for a single document;
        `stride`.
    """
    sums = np.array([nll.sum() for nll in nlls])
    tokens = np.array([len(nll) for nll in nlls], dtype=np.float64)
    nll = float(sums.sum() / tokens.sum())
    return {
        "value": float(np.exp(nll)),
        "nll": nll,
        "tokens": int(tokens.sum()),
        "ci95": ratio_interval(sums, tokens, seed, transform=np.exp, draws=draws),
        "stride": stride,
    }
