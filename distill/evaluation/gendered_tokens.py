"""What does a model pay for the gendered words of a text?

A debiased model must still say “she” where the text has established a woman: these tokens are where a loss of coherence
shows first, long before it moves the perplexity of the whole text.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment import RoleReverser
from distill.evaluation.perplexity import ScoredDocuments


def gendered_tokens(documents: ScoredDocuments) -> dict[str, Any]:
    """Mean −log P of the tokens that belong to words which role reversal would swap.

    Returns:
        `nll` in nats per token, None where there is no such token, and their number `n`.
    """
    if documents.offsets is None:
        return {"nll": None, "n": 0}
    reversals = RoleReverser().reverse_all(documents.texts)
    chosen = np.concatenate(
        [
            nll[overlapping(offsets, [(swap.start, swap.end) for swap in reversal.swaps])]
            for nll, offsets, reversal in zip(documents.nlls, documents.offsets, reversals, strict=True)
        ]
    )
    return {"nll": float(chosen.mean()) if len(chosen) else None, "n": len(chosen)}


def overlapping(offsets: NDArray[np.int64], spans: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which tokens share a character with a span?

    Args:
        offsets: Characters of each token, `[tokens, 2]`.
        spans: (start, end) of each span, in order, none overlapping another.

    Returns:
        `[tokens]`.
    """
    if not spans:
        return np.zeros(len(offsets), dtype=np.bool_)
    starts, ends = np.array(spans).T
    # Spans that begin before the token ends, less those that have ended where it begins.
    return np.searchsorted(starts, offsets[:, 1], "left") > np.searchsorted(ends, offsets[:, 0], "right")
