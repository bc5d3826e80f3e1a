"""Nucleus sampling from given random numbers.

Source: Holtzman et al. 2020, *The Curious Case of Neural Text Degeneration* (arXiv 1904.09751). The
order is that of transformers: temperature, then top k, then top p of the remaining tokens.
"""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_WIDTH = 1024
"""Most nuclei fit into this many tokens, and finding those is much cheaper than sorting the vocabulary."""


def uniforms(seed: int, prompt_id: str, sample: int, count: int) -> NDArray[np.float64]:
    """Return the random numbers of one continuation, `[count]` in [0, 1).

    They depend only on the arguments, so that neither the batch nor its order changes a text; a smaller `count` gives a
    prefix of the same numbers. Two models get the same numbers, which makes a difference between them easier to detect.
    """
    key = hashlib.sha256(f"{seed}\0{prompt_id}\0{sample}".encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key))).random(count)


def sample(logits: Tensor, uniform: Tensor, temperature: float, top_p: float, top_k: int) -> Tensor:
    """Sample one token per row by inverting the cumulative distribution of its nucleus.

    The nucleus is the smallest set of most likely tokens with a mass of at least `top_p`. Its tokens are ordered by id,
    not by probability: rounding differs between batch sizes, so that two equally likely tokens could change places and
    thereby the text.

    Args:
        logits: `[batch, vocabulary]`.
        uniform: float64 `[batch]` in [0, 1).
        temperature: Positive; divides the logits.
        top_p: In (0, 1].
        top_k: Number of tokens kept before `top_p` applies; 0 keeps all.

    Returns:
        Token ids `[batch]`.
    """
    scaled = logits.float() / temperature
    if top_p == 1 and not top_k:
        tokens = torch.arange(scaled.shape[1], device=scaled.device).expand_as(scaled)
        cumulative = scaled.double().softmax(dim=1).cumsum(dim=1)
    else:
        tokens, probabilities = _most_likely(scaled, top_p, top_k)
        before = probabilities.cumsum(dim=1) - probabilities
        kept = torch.where(before < top_p, probabilities, 0)
        tokens, order = tokens.sort(dim=1)
        cumulative = kept.gather(1, order).cumsum(dim=1)
    mass = cumulative[:, -1:].contiguous()
    chosen = torch.searchsorted(cumulative, uniform.unsqueeze(1) * mass, right=True)
    # A product that rounds up to the whole mass must not select a token outside the nucleus.
    last = torch.searchsorted(cumulative, mass)
    return tokens.gather(1, torch.minimum(chosen, last)).squeeze(1)


def _most_likely(scaled: Tensor, top_p: float, top_k: int) -> tuple[Tensor, Tensor]:
    """Return tokens and float64 probabilities `[batch, n]`, most likely first, that contain the nucleus."""
    vocabulary = scaled.shape[1]
    if top_k:
        values, tokens = scaled.topk(min(top_k, vocabulary))
        return tokens, values.double().softmax(dim=1)
    normaliser = scaled.logsumexp(dim=1, keepdim=True).double()
    width = min(_WIDTH, vocabulary)
    while True:
        values, tokens = scaled.topk(width)
        probabilities = (values.double() - normaliser).exp()
        if width == vocabulary or bool((probabilities.sum(dim=1) >= top_p).all()):
            return tokens, probabilities
        width = min(8 * width, vocabulary)
