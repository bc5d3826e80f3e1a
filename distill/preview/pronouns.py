"""The prompts of the pronoun gap as blocks, so that targets are scored on them as on a text."""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
from transformers import PreTrainedTokenizerBase

from augment import RoleReverser
from distill.data.blocks import Block
from distill.data.encoding import (
    EncodedDocument,
    TokenFlag,
    document_opening,
    encode_documents,
    text_opening,
)
from distill.evaluation.probes.pronoun_gap import VARIANTS, pronoun_texts
from distill.losses.terms import IGNORED_LABEL
from distill.perturbation.prefix_kinds import PrefixKind, prefix_kinds


def pronoun_blocks(occupations: Sequence[str], names: bool, tokenizer: PreTrainedTokenizerBase) -> list[Block]:
    """Encode each of `pronoun_texts` as a block; all are padded on the right to one length.

    Only the tokens in which the variants of a prompt differ have a label: the others cancel in the log-odds. Each text
    begins with the special tokens that the tokenizer puts there, as in `distill evaluate`.

    Args:
        occupations: What the prompts are about.
        names: Reverse first names, too.
        tokenizer: A fast tokenizer.

    Returns:
        The blocks, in the order of `pronoun_texts`.
    """
    texts = pronoun_texts(occupations)
    documents = encode_documents(texts, RoleReverser(names=names), tokenizer, ["text"] * len(texts))
    opening = [] if document_opening(tokenizer) else text_opening(tokenizer)
    longest = len(opening) + max(len(document.tokens) for document in documents) - 2
    blocks = []
    for start in range(0, len(documents), VARIANTS):
        variants = documents[start : start + VARIANTS]
        columns = zip(*(document.tokens[:-1].tolist() for document in variants), strict=False)
        shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
        blocks += [_block(document, opening, shared, longest) for document in variants]
    return blocks


def _block(document: EncodedDocument, opening: list[int], shared: int, length: int) -> Block:
    """A block of the opening tokens and one text, without its end-of-text token; its last token is only a label.

    Args:
        document: The text.
        opening: Special tokens that precede it.
        shared: Number of its first tokens that all variants share, and that get no label.
        length: Of the block.
    """
    lead = len(opening)
    tokens = np.array([*opening, *document.tokens[:-1]])
    flags = np.array([*[0] * lead, *document.flags[:-2]])
    kinds = prefix_kinds(
        aligned=(flags & TokenFlag.UNALIGNED) == 0,
        reversed_word=(flags & TokenFlag.REVERSED_WORD) != 0,
        gender_cue=(flags & TokenFlag.GENDER_CUE) != 0,
    )
    positions = np.flatnonzero(kinds == PrefixKind.REVERSED)
    positions = document.boundary[positions - lead] + lead
    counterfactual = np.array([*opening, *document.counterfactual])[: positions.max(initial=-1) + 1]
    first = max(1, lead + shared)
    block = Block(
        inputs=np.zeros(length, dtype=np.int64),
        labels=np.full(length, IGNORED_LABEL),
        prefix=np.zeros(length, dtype=np.int8),
        counterfactual=counterfactual.astype(np.int64),
        positions=positions,
    )
    block.inputs[: len(kinds)] = tokens[:-1]
    block.labels[first - 1 : len(kinds)] = tokens[first:]
    block.prefix[: len(kinds)] = kinds
    return block
