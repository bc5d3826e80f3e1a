"""Counterfactual data augmentation: which side of each document is packed."""

from typing import Literal

from distill.data.encoding import Side

Augmentation = Literal["none", "append", "substitute"]


PASSES: dict[Augmentation, list[Side | None]] = {
    "none": ["text"],
    "append": ["text", "reversal"],
    "substitute": [None],
}
"""The side of all documents in each pass over the corpus; None: a coin for each."""
