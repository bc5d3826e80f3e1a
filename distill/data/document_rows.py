"""A single document as a block: what is not packed, such as a text that the student has just written."""

import numpy as np

from distill.data.blocks import IGNORED_LABEL, Block
from distill.data.encoding import EncodedDocument, TokenFlag
from distill.perturbation.prefix_kinds import PrefixKind, prefix_kinds


def document_block(document: EncodedDocument, first: int, length: int, limit: int | None = None) -> Block:
    """A block of one document, padded on the right; its last token is only a label.

    Args:
        document: The text, with its opening tokens.
        first: Number of the first token that is a label; the prefixes before it get none.
        length: Of the block, at least the document's tokens but one.
        limit: The most tokens that the teacher can read; beyond it, the prefixes of a longer reversal are UNALIGNED.
            None: no limit.
    """
    tokens, flags, boundary = document.tokens, document.flags[:-1], document.boundary[:-1]
    aligned = (flags & TokenFlag.UNALIGNED) == 0
    if limit is not None:
        aligned &= boundary < limit
    kinds = prefix_kinds(
        aligned, (flags & TokenFlag.REVERSED_WORD) != 0, gender_cue=(flags & TokenFlag.GENDER_CUE) != 0
    )
    positions = boundary[kinds == PrefixKind.REVERSED].astype(np.int64)
    block = Block(
        inputs=np.zeros(length, dtype=np.int64),
        labels=np.full(length, IGNORED_LABEL),
        prefix=np.zeros(length, dtype=np.int8),
        counterfactual=document.counterfactual[: positions.max(initial=-1) + 1].astype(np.int64),
        positions=positions,
    )
    block.inputs[: len(kinds)] = tokens[:-1]
    block.labels[first - 1 : len(kinds)] = tokens[first:]
    block.prefix[: len(kinds)] = kinds
    return block


def behind(opening: list[int], document: EncodedDocument) -> EncodedDocument:
    """A document behind opening tokens, on both sides.

    Args:
        opening: Special tokens.
        document: The text.
    """
    lead = len(opening)
    boundary = np.where(document.boundary < 0, -1, document.boundary + lead)
    return EncodedDocument(
        np.array([*opening, *document.tokens], dtype=np.int64),
        np.array([*opening, *document.counterfactual], dtype=np.int64),
        np.concatenate([np.arange(lead), boundary]),
        np.concatenate([np.zeros(lead, dtype=np.uint8), document.flags]),
    )
