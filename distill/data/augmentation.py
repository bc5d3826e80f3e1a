"""Counterfactual data augmentation: which side of each document is the factual one in the packed text."""

from distill.config import Augmentation
from distill.data.encoding import Side
from distill.runtime.seeding import derive_seed

__all__ = ["PASSES", "document_side"]

PASSES: dict[Augmentation, list[Side | None]] = {
    "none": ["text"],
    "append": ["text", "reversal"],
    "substitute": [None],
}
"""The side of all documents in each pass over the corpus; None: a coin decides for each."""


def document_side(side: Side | None, seed: int, source: int, document: int) -> Side:
    """Choose the factual side of one document.

    Args:
        side: Of all documents in this pass; None: a coin decides, which follows from the other arguments alone.
        seed: Of the coin.
        source: Number of the document's source, counted from 0.
        document: Number of the document in its source, counted from 0.

    Returns:
        `text`: the document itself; `reversal`: its reversal, with the document as the counterfactual.
    """
    return side or ("reversal" if derive_seed(seed, source, document) & 1 else "text")
