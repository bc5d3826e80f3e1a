"""The openings of the pronoun gap as blocks, so that targets answer them as they answer a text."""

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
from distill.perturbation.prefix_kinds import PrefixKind, prefix_kinds


def pronoun_blocks(occupations: Sequence[str], names: bool, tokenizer: PreTrainedTokenizerBase) -> list[Block]:
    """A block for each of `pronoun_texts`, filled up on the right to one length.

    Labelled are the tokens in which the variants of an opening differ: the others cancel in the log-odds. Before a text
    stands what the tokenizer puts there, as when `distill evaluate` asks.

    Args:
        occupations: what the openings are about.
        names: first names are reversed too.
        tokenizer: a fast one.
    """
    texts = pronoun_texts(occupations)
    documents = encode_documents(texts, RoleReverser(names=names), tokenizer, ["text"] * len(texts))
    beginning = [] if document_opening(tokenizer) else text_opening(tokenizer)
    longest = len(beginning) + max(len(document.tokens) for document in documents) - 2
    blocks = []
    for start in range(0, len(documents), VARIANTS):
        variants = documents[start : start + VARIANTS]
        columns = zip(*(document.tokens[:-1].tolist() for document in variants), strict=False)
        shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
        blocks += [_block(document, beginning, shared, longest) for document in variants]
    return blocks


def _block(document: EncodedDocument, beginning: list[int], shared: int, length: int) -> Block:
    """One text behind `beginning`; its end-of-text token and the last one, after which nothing is asked, left out."""
    lead = len(beginning)
    tokens = np.array([*beginning, *document.tokens[:-1]])
    flags = np.array([*[0] * lead, *document.flags[:-2]])
    kinds = prefix_kinds(
        (flags & TokenFlag.UNALIGNED) == 0, (flags & TokenFlag.REVERSED_WORD) != 0, (flags & TokenFlag.TELL) != 0
    )
    positions = np.flatnonzero(kinds == PrefixKind.REVERSED)
    positions = document.boundary[positions - lead] + lead
    counterfactual = np.array([*beginning, *document.counterfactual])[: positions.max(initial=-1) + 1]
    first = max(1, lead + shared)
    block = Block(
        inputs=np.zeros(length, dtype=np.int64),
        labels=np.full(length, -100),
        prefix=np.zeros(length, dtype=np.int8),
        counterfactual=counterfactual.astype(np.int64),
        positions=positions,
    )
    block.inputs[: len(kinds)] = tokens[:-1]
    block.labels[first - 1 : len(kinds)] = tokens[first:]
    block.prefix[: len(kinds)] = kinds
    return block
