"""The equivariance gap of a model on real text: do its predictions follow a role reversal of what came before?"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from augment import RoleReverser
from distill.errors import UserError
from distill.evaluation.likelihood.text_perplexity import ScoredCorpus, text_pieces
from distill.evaluation.likelihood.token_nll import BATCH_TOKENS
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.probes.reversed_windows import ReversedWindow, reversed_windows
from distill.evaluation.scored_model import ScoredModel, non_finite_error
from distill.models.output_head import output_head
from distill.perturbation.equivariance_gap import position_gaps
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

GapSums = dict[str, NDArray[np.float64]]
"""`reversed`, `neutral`: sum of the gaps of each document, in nats, `[documents]`; `reversed_n`, `neutral_n`: number of
its positions, `[documents]`."""

_MEASURED = {"reversed": PrefixKind.REVERSED, "neutral": PrefixKind.NEUTRAL}


def text_gaps(
    scored_model: ScoredModel, text: ScoredCorpus, context: int, vocabulary: ReversedVocabulary, cache: ResultCache
) -> GapSums:
    """Measure every document of a text, each after the token that begins a text, in windows of the context.

    Args:
        scored_model: The model; its tokenizer must be a fast one.
        text: The documents. First names stay as they are, and end what counts as neutral.
        context: Window size in tokens.
        vocabulary: π.
        cache: Finished pieces.

    Raises:
        UserError: If the model's probabilities are not finite, or its tokenizer has neither BOS nor EOS.
    """
    reverser = RoleReverser()
    sums = []
    for number, piece in enumerate(text_pieces(text.dataset), start=1):
        part = f", part {number} of {text.pieces}" if text.pieces > 1 else ""
        compute = partial(_piece_gaps, scored_model, piece, context, vocabulary, reverser, f"equivariance gap{part}")
        sums.append(cache.get_or_compute(f"equivariance-{number:06}", compute))
    return {name: np.concatenate([np.array(each[name], dtype=np.float64) for each in sums]) for name in sums[0]}


def _piece_gaps(
    scored_model: ScoredModel,
    texts: Sequence[str],
    context: int,
    vocabulary: ReversedVocabulary,
    reverser: RoleReverser,
    description: str,
) -> dict[str, list[float]]:
    gaps = document_gaps(scored_model, texts, context, vocabulary, reverser, description)
    return {name: values.tolist() for name, values in gaps.items()}


@torch.inference_mode()
def document_gaps(
    scored_model: ScoredModel,
    texts: Sequence[str],
    context: int,
    vocabulary: ReversedVocabulary,
    reverser: RoleReverser,
    description: str | None = None,
) -> GapSums:
    """Measure the gap at every prefix that has one: one pass over the text, and one over what a swap has changed.

    Args:
        scored_model: The model; its tokenizer must be a fast one.
        texts: The documents.
        context: Window size in tokens.
        vocabulary: π.
        reverser: Finds the words to exchange.
        description: Label of the progress bar; None for no bar.

    Raises:
        UserError: If the model's probabilities are not finite, or its tokenizer has neither BOS nor EOS.
    """
    opening = scored_model.start_token
    if opening is None:
        raise UserError(f"{scored_model.path}: its tokenizer has neither BOS nor EOS, which begins a measured document")
    vocabulary = vocabulary.to(scored_model.device)
    windows = reversed_windows(texts, reverser, scored_model.tokenizer, opening, context)
    # Longest first: running out of memory happens at the start, and neighbours need little padding.
    windows.sort(key=lambda window: -_longest(window))
    sums = {name: np.zeros(len(texts)) for kind in _MEASURED for name in (kind, f"{kind}_n")}
    total = sum(len(window.tokens) for window in windows)
    with tqdm(total=total, desc=description, unit="tok", delay=2, leave=False, disable=description is None) as bar:
        for batch in _batches(windows):
            for window, gaps in zip(batch, _window_gaps(scored_model, batch, vocabulary), strict=True):
                if not np.isfinite(gaps).all():
                    raise non_finite_error(scored_model, window.tokens.tolist())
                for name, kind in _MEASURED.items():
                    sums[name][window.document] += gaps[window.kinds == kind].sum()
                    sums[f"{name}_n"][window.document] += (window.kinds == kind).sum()
                bar.update(len(window.tokens))
    return sums


def _longest(window: ReversedWindow) -> int:
    return max(len(window.tokens), len(window.counterfactual))


def _batches(windows: Sequence[ReversedWindow]) -> Iterator[Sequence[ReversedWindow]]:
    start = 0
    while start < len(windows):
        rows = max(1, BATCH_TOKENS // _longest(windows[start]))
        yield windows[start : start + rows]
        start += rows


def _window_gaps(
    scored_model: ScoredModel, windows: Sequence[ReversedWindow], vocabulary: ReversedVocabulary
) -> list[NDArray[np.float64]]:
    """The gap at every token of each window, `[read]` in nats; 0 where there is none."""
    hidden = _hidden_states(scored_model, [window.tokens for window in windows])
    kinds = _padded([window.kinds for window in windows])
    swapped = [window for window in windows if len(window.positions)]
    counterfactual_hidden = hidden[:0, 0]
    if swapped:
        states = _hidden_states(scored_model, [window.counterfactual for window in swapped])
        rows = np.repeat(np.arange(len(swapped)), [len(window.positions) for window in swapped])
        columns = np.concatenate([window.positions for window in swapped])
        counterfactual_hidden = states[torch.from_numpy(rows), torch.from_numpy(columns)]
    gaps = position_gaps(
        hidden.flatten(0, 1),
        kinds.flatten().to(scored_model.device),
        counterfactual_hidden,
        scored_model.logits,
        len(output_head(scored_model.model).weight),
        vocabulary,
    )
    found = gaps.double().cpu().numpy().reshape(kinds.shape)
    return [row[: len(window.tokens)] for row, window in zip(found, windows, strict=True)]


def _hidden_states(scored_model: ScoredModel, sequences: Sequence[NDArray[np.int64]]) -> Tensor:
    """`[sequences, longest, D]`; padding is on the right, which a causal model does not attend to."""
    inputs = _padded(sequences).to(scored_model.device)
    states: Tensor = scored_model.model.base_model(input_ids=inputs, use_cache=False).last_hidden_state
    return states


def _padded(rows: Sequence[NDArray[np.integer]]) -> Tensor:
    """`[rows, longest]`, zeros on the right."""
    padded = np.zeros((len(rows), max(len(row) for row in rows)), dtype=rows[0].dtype)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return torch.from_numpy(padded)
