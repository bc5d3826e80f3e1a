"""Negative log-likelihood of the gendered words of a text.

A debiased model must still say “she” where the text is about a woman: a loss of coherence shows in these tokens first,
long before it changes the perplexity of the whole text.
"""

import numpy as np
from numpy.typing import NDArray

from augment import RoleReverser
from augment.token_spans import overlapping
from distill.evaluation.likelihood.document_nlls import ScoredDocuments


def gendered_nlls(documents: ScoredDocuments, reverser: RoleReverser) -> list[NDArray[np.float64]]:
    """Return −log P of the tokens of words that role reversal would swap, `[tokens]` per document, in nats.

    All are empty if the tokenizer does not provide the spans of its tokens.
    """
    if documents.offsets is None:
        return [np.zeros(0)] * len(documents.texts)
    reversals = reverser.reverse_all(list(documents.texts))
    return [
        nll[overlapping(offsets, [(swap.start, swap.end) for swap in reversal.swaps])]
        for nll, offsets, reversal in zip(documents.nlls, documents.offsets, reversals, strict=True)
    ]
