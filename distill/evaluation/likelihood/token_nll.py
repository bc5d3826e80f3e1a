"""Negative log-likelihood of every token of many sequences under a model, in few forward passes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from distill.evaluation.scored_model import ScoredModel, non_finite_error

BATCH_TOKENS = 8192
"""Number of tokens in one forward pass, including padding."""
_HEAD_TOKENS = 512
"""Number of tokens whose logits exist at a time: the logits of a window may not fit next to a large model."""


@dataclass(frozen=True)
class _Window:
    """Tokens that are read together, the last of which are scored.

    Attributes:
        sequence: Index of the sequence.
        first: Position of the first token scored.
        tokens: `[read + 1]`: the tokens read, and the token after them.
        scored: Number of tokens scored, at the end of the window.
    """

    sequence: int
    first: int
    tokens: NDArray[np.int64]
    scored: int


@torch.inference_mode()
def token_nlls(
    scored_model: ScoredModel,
    sequences: Sequence[Sequence[int]],
    context: int,
    description: str | None = None,
    stride: int | None = None,
    reach_back: bool = False,
) -> list[NDArray[np.float64]]:
    """Compute −log P of every token except the first of each sequence, given the tokens before it in its window.

    Sequences longer than `context` are read in several windows, each starting `stride` tokens after the previous one.
    A window scores the tokens that no earlier window has scored. Every token is thus scored exactly once, and all
    tokens after the first window have at least context − stride tokens before them.

    Args:
        scored_model: The model.
        sequences: Token ids of each sequence.
        context: Window size in tokens.
        description: Label of the progress bar; None for no bar.
        stride: Tokens between the starts of two windows, at most `context`; None for disjoint windows.
        reach_back: Let the last window of a sequence start earlier, so that it is as long as the others.

    Returns:
        For each sequence of n tokens `[n − 1]`, in nats.

    Raises:
        UserError: If a value is not finite; the error names the model and the text.
    """
    nlls = [np.zeros(max(len(sequence) - 1, 0)) for sequence in sequences]
    windows = [
        w for index, sequence in enumerate(sequences) for w in _windows(index, sequence, context, stride, reach_back)
    ]
    # Longest first: running out of memory happens at the start, and neighbours need little padding.
    windows.sort(key=lambda window: -len(window.tokens))
    total = sum(window.scored for window in windows)
    with tqdm(total=total, desc=description, unit="tok", delay=2, leave=False, disable=description is None) as bar:
        for batch in _batches(windows):
            for window, nll in zip(batch, _window_nlls(scored_model, batch), strict=True):
                if not np.isfinite(nll).all():
                    raise non_finite_error(scored_model, sequences[window.sequence])
                nlls[window.sequence][window.first - 1 : window.first - 1 + window.scored] = nll
                bar.update(window.scored)
    return nlls


def _windows(
    index: int, sequence: Sequence[int], context: int, stride: int | None, reach_back: bool
) -> Iterator[_Window]:
    tokens = np.asarray(sequence, dtype=np.int64)
    last = len(tokens) - 1
    if last > 0:
        yield _Window(index, 1, tokens[: context + 1], min(context, last))
    stride = stride or context
    for first in range(context + 1, last + 1, stride):
        end = min(first - 1 + stride, last)
        start = (end if reach_back else first - 1 + stride) - context
        yield _Window(index, first, tokens[start : end + 1], end - first + 1)


def _batches(windows: Sequence[_Window]) -> Iterator[Sequence[_Window]]:
    start = 0
    while start < len(windows):
        rows = max(1, BATCH_TOKENS // (len(windows[start].tokens) - 1))
        yield windows[start : start + rows]
        start += rows


def _window_nlls(scored_model: ScoredModel, windows: Sequence[_Window]) -> list[NDArray[np.float64]]:
    read = torch.tensor([len(window.tokens) - 1 for window in windows])
    scored = torch.tensor([window.scored for window in windows])
    inputs = torch.zeros(len(windows), int(read.max()), dtype=torch.long)
    for row, window in enumerate(windows):
        inputs[row, : read[row]] = torch.from_numpy(window.tokens[:-1])
    targets = np.concatenate([window.tokens[-window.scored :] for window in windows])
    # Padding is on the right, which a causal model does not attend to: without a mask, attention stays fast.
    output = scored_model.model.base_model(input_ids=inputs.to(scored_model.device), use_cache=False)
    places = torch.arange(inputs.shape[1])
    chosen = (places < read.unsqueeze(1)) & (places >= (read - scored).unsqueeze(1))
    hidden = output.last_hidden_state[chosen.to(scored_model.device)]
    pieces = zip(
        hidden.split(_HEAD_TOKENS), torch.from_numpy(targets).to(scored_model.device).split(_HEAD_TOKENS), strict=True
    )
    nlls = torch.cat([_cross_entropy(scored_model, *piece) for piece in pieces])
    return np.split(nlls.double().cpu().numpy(), np.cumsum(scored.numpy())[:-1])


def _cross_entropy(scored_model: ScoredModel, hidden: Tensor, targets: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(scored_model.logits(hidden), targets, reduction="none")
