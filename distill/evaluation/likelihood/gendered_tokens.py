"""What does a model pay for the gendered words of a text?

A debiased model must still say “she” where the text has established a woman: these tokens are where a loss of coherence
shows first, long before it moves the perplexity of the whole text.
"""

import numpy as np
from numpy.typing import NDArray

from augment import RoleReverser
from augment.token_spans import overlapping
from distill.evaluation.likelihood.document_nlls import ScoredDocuments


def gendered_nlls(documents: ScoredDocuments, reverser: RoleReverser) -> NDArray[np.float64]:
    """−log P `[n]`, in nats, of the tokens that belong to words which role reversal would swap."""
    if documents.offsets is None:
        return np.zeros(0)
    reversals = reverser.reverse_all(list(documents.texts))
    chosen = [
        nll[overlapping(offsets, [(swap.start, swap.end) for swap in reversal.swaps])]
        for nll, offsets, reversal in zip(documents.nlls, documents.offsets, reversals, strict=True)
    ]
    return np.concatenate([*chosen, np.zeros(0)])
