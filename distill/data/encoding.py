"""A document and its reversal as tokens, with the map between the two."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntFlag
from itertools import takewhile
from typing import Literal

import numpy as np
from transformers import PreTrainedTokenizerBase

from augment import Reversal, RoleReverser
from augment.alignment import boundaries
from augment.token_spans import ending_in, overlapping

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
        tokens: `[length]` ids, what opens a document first, the end-of-text token last.
        counterfactual: `[counterfactual_length]` ids, the same.
        boundary: `[length]` for each token the position in `counterfactual` that ends where it ends, or −1 inside a
            reversed word. Unlike a(t) it exists at the last token of an ambiguous word too: text may continue there.
        flags: `[length]` uint8 of `TokenFlag`.
    """

    tokens: np.ndarray
    counterfactual: np.ndarray
    boundary: np.ndarray
    flags: np.ndarray


_PIECE = 1 << 20
"""Characters that are reversed and tokenised as one: a longer document is cut where it hurts least, since a tokenizer
needs some hundred bytes a character."""
_SEARCH = 1 << 16
"""Characters before the end of a piece in which a good place to cut is looked for."""


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
    opening = document_opening(tokenizer)
    return [_encode_document(text, reverser, tokenizer, side, opening) for text, side in zip(texts, sides, strict=True)]


def text_opening(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The special tokens that a tokenizer puts before a text, as its model knows it from its training."""
    encoded = tokenizer("a", return_special_tokens_mask=True, verbose=False)
    special = takewhile(lambda token: token[1], zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True))
    return [token for token, _ in special]


def document_opening(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What opens a document in packed text: the same, but where that is the end-of-text token of the one before."""
    opening = text_opening(tokenizer)
    return [] if opening == [tokenizer.eos_token_id] else opening


def _encode_document(
    text: str, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, side: Side, opening: list[int]
) -> EncodedDocument:
    encoded = []
    if opening:
        ids = np.array(opening, dtype=np.int64)
        encoded.append(EncodedDocument(ids, ids, np.arange(len(ids)), np.zeros(len(ids), dtype=np.uint8)))
    pieces = _pieces(text)
    for number, piece in enumerate(pieces, 1):
        reversal = reverser.reverse(piece)
        if side == "reversal":
            reversal = reverser.mirror(reversal)
        encoded.append(_encode(reversal, tokenizer, [tokenizer.eos_token_id] if number == len(pieces) else []))
    if len(encoded) == 1:
        return encoded[0]
    before = 0
    for piece in encoded:
        piece.boundary[piece.boundary >= 0] += before
        before += len(piece.counterfactual)
    names = [field.name for field in fields(EncodedDocument)]
    return EncodedDocument(*(np.concatenate([getattr(piece, name) for piece in encoded]) for name in names))


def _pieces(text: str) -> list[str]:
    pieces = []
    start = 0
    while len(text) - start > _PIECE:
        end = _cut(text, start + _PIECE)
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:] if start else text]


def _cut(text: str, end: int) -> int:
    """The last place before `end` where a paragraph, a line or a word ends."""
    for separator in ("\n\n", "\n", " "):
        found = text.rfind(separator, end - _SEARCH, end)
        if found > 0:
            return found
    return end


def _tokenise(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[tuple[int, int]]]:
    # The backend itself: the wrapper around it takes longer to copy what we don't need than the tokens take.
    encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    return encoding.ids, encoding.offsets


def _encode(reversal: Reversal, tokenizer: PreTrainedTokenizerBase, end: list[int]) -> EncodedDocument:
    ids, offsets = _tokenise(reversal.text, tokenizer)
    tokens = np.array([*ids, *end], dtype=np.int64)
    flags = np.zeros(len(tokens), dtype=np.uint8)
    inner = flags[: len(ids)]
    if not reversal.record and not reversal.tells:
        return EncodedDocument(tokens, tokens, np.arange(len(tokens)), flags)
    characters = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    inner[overlapping(characters, reversal.tells)] |= np.uint8(TokenFlag.TELL)
    if not reversal.record:
        return EncodedDocument(tokens, tokens, np.arange(len(tokens)), flags)
    counterfactual_ids, counterfactual_offsets = _tokenise(reversal.counterfactual, tokenizer)
    ends = np.array(boundaries(offsets, counterfactual_offsets, reversal.swaps), dtype=np.int64)
    # a(t): the boundary, but not at the token in which a word ends whose counterpart the following words decided.
    swaps = np.frombuffer(reversal.record, dtype=np.int64).reshape(-1, 5)
    decided_later = ending_in(characters, swaps[swaps[:, 4] == 1, 1])
    inner[(ends < 0) | decided_later] |= np.uint8(TokenFlag.UNALIGNED)
    inner[overlapping(characters, swaps[:, :2])] |= np.uint8(TokenFlag.REVERSED_WORD)
    counterfactual = np.array([*counterfactual_ids, *end], dtype=np.int64)
    last = [len(counterfactual_ids)] if end else []
    return EncodedDocument(tokens, counterfactual, np.array([*ends, *last], dtype=np.int64), flags)
