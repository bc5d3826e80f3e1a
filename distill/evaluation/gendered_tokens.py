"""What does a model pay for the gendered words of a text?

A debiased model must still say “she” where the text has established a woman: these tokens are where a loss of coherence
shows first, long before it moves the perplexity of the whole text.
"""

from typing import Any

import numpy as np

from augment import RoleReverser
from distill.evaluation.perplexity import ScoredDocuments
from distill.spans import overlapping


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
