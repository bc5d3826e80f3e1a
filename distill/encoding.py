"""A document and its reversal as tokens, with the map between the two."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Literal

import numpy as np
from transformers import PreTrainedTokenizerBase

from augment import Reversal, RoleReverser
from augment.alignment import align, boundaries
from distill.spans import overlapping

Side = Literal["text", "reversal"]


class TokenFlag(IntFlag):
    """What is known of a token besides its id."""

    REVERSED_WORD = 1
    """It belongs to a word that the reversal exchanges."""
    TELL = 2
    """It tells a gender and stays."""
    UNALIGNED = 4
    """It has no a(t): the prefix that ends here has no reversal, or one that knows the words that follow."""


@dataclass(frozen=True)
class EncodedDocument:
    """Tokens of a document, of its reversal, and where they meet.

    Attributes:
        tokens: `[length]` ids, the end-of-text token last.
        counterfactual: `[counterfactual_length]` ids, the end-of-text token last.
        boundary: `[length]` for each token the position in `counterfactual` that ends where it ends, or −1 inside a
            reversed word. Unlike a(t) it exists at the last token of an ambiguous word too: text may continue there.
        flags: `[length]` uint8 of `TokenFlag`.
    """

    tokens: np.ndarray
    counterfactual: np.ndarray
    boundary: np.ndarray
    flags: np.ndarray


def encode_documents(
    texts: Sequence[str], reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, sides: Sequence[Side]
) -> list[EncodedDocument]:
    """Reverse and tokenise documents.

    Args:
        texts: the documents.
        reverser: finds the words to exchange.
        tokenizer: a fast one, with character offsets.
        sides: for each document whether it is the factual side itself (`text`) or its reversal is, the document being
            the counterfactual then (`reversal`).
    """
    reversals = [reverser.reverse(text) for text in texts]
    reversals = [
        reversal if side == "text" else reverser.mirror(reversal)
        for reversal, side in zip(reversals, sides, strict=True)
    ]
    factual = _tokenise([reversal.text for reversal in reversals], tokenizer)
    changed = [index for index, reversal in enumerate(reversals) if reversal.swaps]
    counterfactual = dict(
        zip(changed, _tokenise([reversals[index].counterfactual for index in changed], tokenizer), strict=True)
    )
    return [
        _encode(reversal, factual[index], counterfactual.get(index), tokenizer.eos_token_id)
        for index, reversal in enumerate(reversals)
    ]


_Tokenised = tuple[list[int], list[tuple[int, int]]]


def _tokenise(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> list[_Tokenised]:
    if not texts:
        return []
    encoded = tokenizer(
        texts,
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        # a document longer than the model's context is no mistake here: it is cut into blocks
        verbose=False,
    )
    return list(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True))


def _encode(
    reversal: Reversal, factual: _Tokenised, counterfactual: _Tokenised | None, end_of_text: int
) -> EncodedDocument:
    ids, offsets = factual
    tokens = np.array([*ids, end_of_text], dtype=np.int64)
    flags = np.zeros(len(tokens), dtype=np.uint8)
    characters = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    flags[:-1][overlapping(characters, reversal.tells)] |= np.uint8(TokenFlag.TELL)
    if counterfactual is None:
        return EncodedDocument(tokens, tokens, np.arange(len(tokens)), flags)
    counterfactual_ids, counterfactual_offsets = counterfactual
    ends = boundaries(offsets, counterfactual_offsets, reversal.swaps)
    aligned = np.array(align(offsets, counterfactual_offsets, reversal.swaps), dtype=np.int64)
    flags[:-1][aligned < 0] |= np.uint8(TokenFlag.UNALIGNED)
    spans = [(swap.start, swap.end) for swap in reversal.swaps]
    flags[:-1][overlapping(characters, spans)] |= np.uint8(TokenFlag.REVERSED_WORD)
    return EncodedDocument(
        tokens=tokens,
        counterfactual=np.array([*counterfactual_ids, end_of_text], dtype=np.int64),
        boundary=np.array([*ends, len(counterfactual_ids)], dtype=np.int64),
        flags=flags,
    )
