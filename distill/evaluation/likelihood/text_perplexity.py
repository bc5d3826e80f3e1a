"""Score a text of any size piece by piece, and cache each piece as soon as it is finished."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from augment import RoleReverser
from augment.documents import DocumentError, read_documents
from distill.errors import UserError
from distill.evaluation.likelihood.document_nlls import nlls_in_other_windows, score_documents
from distill.evaluation.likelihood.gendered_tokens import gendered_nlls
from distill.evaluation.likelihood.perplexity import TextCosts, half
from distill.evaluation.likelihood.wikitext import detokenised, is_wikitext, word_count
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.scored_model import ScoredModel

if TYPE_CHECKING:
    from datasets import Dataset

_PIECE = 1 << 19
"""Number of characters that are tokenised and scored at a time; more if a document is longer."""


@dataclass(frozen=True)
class ScoredCorpus:
    """Documents, memory-mapped; blank ones are skipped.

    Attributes:
        dataset: The documents, in the column `text`.
        documents: Number of documents.
        sha256: Digest of all documents.
        pieces: Number of pieces to score.
        wikitext: Whether they are articles in WikiText's format, which are detokenised for `word`.
    """

    dataset: "Dataset"
    documents: int
    sha256: str
    pieces: int
    wikitext: bool


def read_text(source: str, field: str) -> ScoredCorpus:
    """Read the documents of a file, a folder of files or a hub id.

    Raises:
        UserError: If the source does not exist, cannot be read, or contains no text.
    """
    try:
        dataset = read_documents(source, field=field)
    except DocumentError as error:
        raise UserError(f"--text: {error}") from error
    digest, documents, pieces, wikitext = hashlib.sha256(), 0, 0, False
    for piece in text_pieces(dataset):
        wikitext = is_wikitext(piece[0]) if not documents else wikitext
        for document in piece:
            digest.update(document.encode() + b"\0")
        documents, pieces = documents + len(piece), pieces + 1
    if not documents:
        raise UserError(f"--text {source}: contains no text; give one with at least one word, or omit the option")
    return ScoredCorpus(dataset, documents, digest.hexdigest(), pieces, wikitext)


def text_pieces(dataset: "Dataset") -> Iterator[list[str]]:
    """Yield the documents that are not blank, some at a time."""
    piece: list[str] = []
    characters = 0
    for rows in dataset.iter(batch_size=100):
        for document in rows["text"]:
            if not document.strip():
                continue
            piece.append(document)
            characters += len(document)
            if characters >= _PIECE:
                yield piece
                piece, characters = [], 0
    if piece:
        yield piece


def protocols(text: ScoredCorpus | None, context: int) -> dict[str, str] | None:
    """Describe each perplexity protocol in words, for metrics.json."""
    if text is None:
        return None
    each = "each document after the token that begins a text"
    disjoint = f"disjoint windows of {context} tokens"
    return {
        "token": f"{each}; {disjoint}; exp of nats per token",
        "token_strided": f"{each}; windows of {context} tokens every {half(context)}; exp of nats per token",
        "word": f"as lm-evaluation-harness' wikitext: {'detokenised; ' if text.wikitext else ''}{each}; {disjoint}, "
        "the last reaching back to as many; exp of nats per word of the original",
    }


def text_costs(scored_model: ScoredModel, text: ScoredCorpus, context: int, cache: ResultCache) -> TextCosts:
    """Score a text by every protocol.

    Args:
        scored_model: The model.
        text: The documents.
        context: Window size in tokens.
        cache: Finished pieces.

    Raises:
        UserError: If the model's probabilities are not finite.
    """
    reverser = RoleReverser()
    costs = []
    for number, piece in enumerate(text_pieces(text.dataset), start=1):
        part = f", part {number} of {text.pieces}" if text.pieces > 1 else ""
        compute = partial(_piece_costs, scored_model, piece, text.wikitext, context, part, reverser)
        costs.append(cache.get_or_compute(f"text-{number:06}", compute))
    return {name: np.concatenate([np.array(cost[name], dtype=np.float64) for cost in costs]) for name in costs[0]}


def _piece_costs(
    scored_model: ScoredModel, piece: list[str], wikitext: bool, context: int, part: str, reverser: RoleReverser
) -> dict[str, list[float]]:
    """Compute the lists of `TextCosts` for one piece."""
    scored = score_documents(scored_model, piece, context, f"perplexity (token){part}")
    strided = nlls_in_other_windows(
        scored_model, scored, context, f"perplexity (token_strided){part}", stride=half(context)
    )
    spelt, doing = scored, f"perplexity (word){part}"
    if wikitext:
        spelt = score_documents(scored_model, list(map(detokenised, piece)), context, doing)
    by_word = nlls_in_other_windows(scored_model, spelt, context, doing, reach_back=True)
    gendered = gendered_nlls(scored, reverser)
    return {
        "token": [float(nlls.sum()) for nlls in scored.nlls],
        "token_strided": [float(nlls.sum()) for nlls in strided],
        "word": [float(nlls.sum()) for nlls in by_word],
        "tokens": [len(nlls) for nlls in scored.nlls],
        "word_tokens": [len(nlls) for nlls in spelt.nlls],
        "words": list(map(word_count, piece)),
        "gendered": [float(nlls.sum()) for nlls in gendered],
        "gendered_tokens": list(map(len, gendered)),
    }
