"""The negative log-likelihood of every token of many sequences, under one model, in few passes."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from distill.errors import UserError
from distill.evaluation.checkpoint import Checkpoint

BATCH_TOKENS = 8192
"""Tokens of one forward pass, padding included."""
_HEAD_TOKENS = 512
"""Tokens whose logits exist at a time: the logits of a window would not fit beside a large model."""

Window = tuple[int, int, NDArray[np.int64]]
"""Index of the sequence, position of the first token read, and the tokens: one more than is read."""


@torch.inference_mode()
def token_nlls(
    checkpoint: Checkpoint, sequences: Sequence[Sequence[int]], context: int, description: str | None = None
) -> list[NDArray[np.float64]]:
    """−log P of every token but the first of each sequence, given those before it in its window.

    Sequences longer than the context are read in disjoint windows, each beginning with the last token of the one
    before, so that every token is scored exactly once.

    Args:
        checkpoint: The model.
        sequences: Token ids of each sequence.
        context: Tokens of a window.
        description: What the progress bar says; None: there is no bar.

    Returns:
        For each sequence of n tokens `[n − 1]`, in nats.

    Raises:
        UserError: If one of them is no finite number, naming the model and the text.
    """
    nlls = [np.zeros(max(len(sequence) - 1, 0)) for sequence in sequences]
    windows = [window for index, sequence in enumerate(sequences) for window in _windows(index, sequence, context)]
    # Longest first: what does not fit into memory fails at once, and neighbours need little padding.
    windows.sort(key=lambda window: -len(window[2]))
    total = sum(len(tokens) - 1 for _, _, tokens in windows)
    with tqdm(total=total, desc=description, unit="tok", delay=2, disable=description is None) as bar:
        for batch in _batches(windows):
            scored = _window_nlls(checkpoint, [tokens for _, _, tokens in batch])
            for (index, start, tokens), nll in zip(batch, scored, strict=True):
                if not np.isfinite(nll).all():
                    raise not_finite(checkpoint, sequences[index])
                nlls[index][start : start + len(tokens) - 1] = nll
                bar.update(len(nll))
    return nlls


def not_finite(checkpoint: Checkpoint, tokens: Sequence[int]) -> UserError:
    """What is to be said of a model that makes NaN or infinity of a text."""
    text = " ".join(checkpoint.tokenizer.decode(list(tokens)).split())
    return UserError(
        f"{checkpoint.path}: its probabilities of {text[:60]!r} are no finite numbers; its weights are damaged, "
        "or need --dtype float32"
    )


def _windows(index: int, sequence: Sequence[int], context: int) -> Iterator[Window]:
    tokens = np.asarray(sequence, dtype=np.int64)
    for start in range(0, len(tokens) - 1, context):
        yield index, start, tokens[start : start + context + 1]


def _batches(windows: Sequence[Window]) -> Iterator[Sequence[Window]]:
    start = 0
    while start < len(windows):
        rows = max(1, BATCH_TOKENS // (len(windows[start][2]) - 1))
        yield windows[start : start + rows]
        start += rows


def _window_nlls(checkpoint: Checkpoint, windows: Sequence[NDArray[np.int64]]) -> list[NDArray[np.float64]]:
    lengths = [len(tokens) - 1 for tokens in windows]
    inputs = np.zeros((len(windows), max(lengths)), dtype=np.int64)
    for row, tokens in enumerate(windows):
        inputs[row, : lengths[row]] = tokens[:-1]
    targets = torch.from_numpy(np.concatenate([tokens[1:] for tokens in windows])).to(checkpoint.device)
    # Padding stands on the right, where a causal model does not look: no mask is needed, and attention stays fast.
    output = checkpoint.model.base_model(input_ids=torch.from_numpy(inputs).to(checkpoint.device), use_cache=False)
    read = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    hidden = output.last_hidden_state[read.to(checkpoint.device)]
    nlls = [
        _cross_entropy(checkpoint, *piece)
        for piece in zip(hidden.split(_HEAD_TOKENS), targets.split(_HEAD_TOKENS), strict=True)
    ]
    return np.split(torch.cat(nlls).double().cpu().numpy(), np.cumsum(lengths)[:-1])


def _cross_entropy(checkpoint: Checkpoint, hidden: Tensor, targets: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(checkpoint.logits(hidden), targets, reduction="none")
