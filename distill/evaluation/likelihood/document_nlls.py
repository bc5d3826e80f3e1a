"""Negative log-likelihood of each token of a document, in disjoint or overlapping windows.

Documents are scored separately, each after the token that begins a text, so that its first token is scored, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from distill.errors import UserError
from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.scored_model import ScoredModel


@dataclass(frozen=True)
class ScoredDocuments:
    """Documents with the negative log-likelihood of each token.

    Attributes:
        texts: The documents.
        sequences: The token that begins a text and the tokens of the document, `[tokens + 1]` per document.
        nlls: −log P of each token in disjoint windows, `[tokens]` per document, in nats.
        offsets: Character span of each token, `[tokens, 2]` per document; None if the tokenizer does not provide spans.
    """

    texts: Sequence[str]
    sequences: list[list[int]]
    nlls: list[NDArray[np.float64]]
    offsets: list[NDArray[np.int64]] | None


def score_documents(
    scored_model: ScoredModel, texts: Sequence[str], context: int, description: str | None = None
) -> ScoredDocuments:
    """Score every token of every document exactly once, in disjoint windows.

    Args:
        scored_model: The model.
        texts: The documents.
        context: Window size in tokens.
        description: Label of the progress bar; None for no bar.

    Raises:
        UserError: If the tokenizer has neither BOS nor EOS.
    """
    beginning = scored_model.start_token
    if beginning is None:
        raise UserError(f"{scored_model.path}: its tokenizer has neither BOS nor EOS, which begins a scored document")
    fast = scored_model.tokenizer.is_fast
    encoded = scored_model.tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=fast, verbose=False)
    sequences = [[beginning, *tokens] for tokens in encoded["input_ids"]]
    return ScoredDocuments(
        texts=texts,
        sequences=sequences,
        nlls=token_nlls(scored_model, sequences, context, description),
        offsets=[np.asarray(o, dtype=np.int64).reshape(-1, 2) for o in encoded["offset_mapping"]] if fast else None,
    )


def nlls_in_other_windows(
    scored_model: ScoredModel,
    scored: ScoredDocuments,
    context: int,
    description: str | None = None,
    stride: int | None = None,
    reach_back: bool = False,
) -> list[NDArray[np.float64]]:
    """Compute −log P of each token in the windows that `token_nlls` describes, `[tokens]` per document, in nats.

    A document that fits into one window has the same values as in disjoint windows, and is not scored again.
    """
    long = [index for index, nlls in enumerate(scored.nlls) if len(nlls) > context]
    sequences = [scored.sequences[index] for index in long]
    again = token_nlls(scored_model, sequences, context, description, stride, reach_back)
    nlls = list(scored.nlls)
    for index, other in zip(long, again, strict=True):
        nlls[index] = other
    return nlls
