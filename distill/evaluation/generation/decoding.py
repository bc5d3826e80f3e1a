"""Let a model continue prompts: every continuation a row of data, and reproducible one by one.

`transformers`' own `generate` draws from one stream for the whole batch, so that another batch size or order gives
other texts. Here each continuation has its own random numbers, keyed by (seed, prompt, sample).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache

from augment.token_spans import common_prefix
from distill.errors import UserError
from distill.evaluation.generation.nucleus_sampling import sample, uniforms
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.scored_model import ScoredModel, non_finite_error, takes_positions

_COLDEST = 1e-4
"""The lowest temperature: logits divided by less may not be finite."""


@dataclass(frozen=True)
class Sampling:
    """How continuations are sampled.

    Attributes:
        max_new_tokens: Tokens at most; fewer where the model ends its text.
        temperature: Divides the logits.
        top_p: Mass of the nucleus, in (0, 1].
        top_k: Likeliest tokens that are left before `top_p` applies; 0: all. 1 is greedy.
        seed: Seed of every continuation.
    """

    max_new_tokens: int = 64
    temperature: float = 1.0
    top_p: float = 0.9
    top_k: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise UserError(f"max_new_tokens is {self.max_new_tokens}; give at least 1")
        if not self.temperature >= _COLDEST:
            raise UserError(f"temperature is {self.temperature}; give at least {_COLDEST} (greedy: top_k 1)")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top_p is {self.top_p}; give one in (0, 1]")
        if self.top_k < 0:
            raise UserError(f"top_k is {self.top_k}; give 0 for all tokens, or how many to keep")
        if not 0 <= self.seed < 2**63:
            raise UserError(f"seed is {self.seed}; give 0 or a positive one below 2 to the power of 63")


@dataclass(frozen=True)
class Continuation:
    """What a model wrote after a prompt.

    Attributes:
        text: Without the prompt, and without the end of text.
        tokens: How many were generated, without the end of text.
    """

    text: str
    tokens: int


def prompt_lengths(scored_model: ScoredModel, prompts: Sequence[Prompt], max_new_tokens: int) -> list[int]:
    """Tokens of each prompt.

    Raises:
        UserError: If a prompt has no tokens or leaves no room for its continuation; the first such prompt is named.
    """
    lengths = scored_model.lengths([prompt.text for prompt in prompts])
    for prompt, length in zip(prompts, lengths, strict=True):
        if not length:
            raise UserError(
                f"prompt {prompt.text!r}: has no tokens under the tokenizer of {scored_model.path}; leave it out"
            )
        # The last token drawn is not read again.
        if scored_model.context is not None and length + max_new_tokens - 1 > scored_model.context:
            raise UserError(
                f"prompt {prompt.text[:60]!r}: its {length} tokens and {max_new_tokens} new ones exceed the "
                f"context of {scored_model.path}, {scored_model.context}; shorten it or lower --max_new_tokens"
            )
    return lengths


def continue_prompts(
    scored_model: ScoredModel, jobs: Sequence[tuple[Prompt, int]], sampling: Sampling
) -> list[Continuation]:
    """Generate one continuation for each prompt and sample number, all in one batch.

    Raises:
        UserError: If the model's probabilities are not finite.
    """
    prompts = [scored_model.encode(prompt.text) for prompt, _ in jobs]
    random = [uniforms(sampling.seed, prompt.prompt_id, number, sampling.max_new_tokens) for prompt, number in jobs]
    drawn = continue_batch(scored_model, prompts, np.stack(random), sampling)
    texts = _decode(scored_model, prompts, drawn)
    return [Continuation(text, len(tokens)) for text, tokens in zip(texts, drawn, strict=True)]


@torch.inference_mode()
def continue_batch(
    scored_model: ScoredModel, prompts: Sequence[Sequence[int]], random: NDArray[np.float64], sampling: Sampling
) -> list[list[int]]:
    """Generate one continuation of each row, with a cache of keys and values.

    Args:
        scored_model: The model.
        prompts: Token ids of each row; rows with the same prompt read it once.
        random: Random numbers in [0, 1), `[batch, max_new_tokens]`.
        sampling: How to sample.

    Returns:
        Token ids of each continuation, without the end of text.

    Raises:
        UserError: If the model's probabilities are not finite.
    """
    device = scored_model.device
    distinct = list(dict.fromkeys(map(tuple, prompts)))
    place = {prompt: index for index, prompt in enumerate(distinct)}
    longest = max(map(len, distinct))
    tokens = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in distinct], device=device)
    padding = torch.tensor([longest - len(prompt) for prompt in distinct], device=device).unsqueeze(1)
    mask = (torch.arange(longest + sampling.max_new_tokens, device=device) >= padding).long()
    rows = torch.tensor([place[tuple(prompt)] for prompt in prompts], device=device)
    uniform = torch.from_numpy(random).to(device)
    ends = torch.tensor(sorted(scored_model.end_tokens), dtype=torch.long, device=device)
    drawn = torch.full(random.shape, -1, dtype=torch.long, device=device)
    running = torch.arange(len(prompts), device=device)
    alive = torch.ones_like(running, dtype=torch.bool)
    cache = DynamicCache(config=scored_model.model.config)
    read = 0
    for step in range(sampling.max_new_tokens):
        hidden = _read(scored_model, tokens, mask[:, : read + tokens.shape[1]], cache)
        read += tokens.shape[1]
        logits = scored_model.logits(hidden)
        if step == 0:
            # All that the samples of a prompt have in common has been read; from here on each goes its own way.
            hidden, logits, mask = hidden[rows], logits[rows], mask[rows]
            cache.batch_select_indices(rows)
        finite = hidden.isfinite().all(dim=1)
        if not finite.all():
            raise non_finite_error(scored_model, prompts[int(running[~finite][0])])
        chosen = sample(logits, uniform[running, step], sampling.temperature, sampling.top_p, sampling.top_k)
        alive &= ~torch.isin(chosen, ends)
        drawn[running, step] = chosen.where(alive, -1)
        left = int(alive.sum())
        if not left:
            break
        # Rows that have ended are dropped a quarter at a time: each time costs a copy of the cache.
        if left <= 0.75 * len(running):
            running, chosen, mask = running[alive], chosen[alive], mask[alive]
            cache.batch_select_indices(alive.nonzero().squeeze(1))
            alive = alive[alive]
        tokens = chosen.unsqueeze(1)
    return [[token for token in row if token >= 0] for row in drawn.tolist()]


def _read(scored_model: ScoredModel, tokens: Tensor, mask: Tensor, cache: DynamicCache) -> Tensor:
    """Hidden states of the last token of each row, `[batch, features]`."""
    positions = {}
    if takes_positions(scored_model.model):
        positions["position_ids"] = (mask.cumsum(dim=1) - 1).clamp_min(0)[:, -tokens.shape[1] :]
    output = scored_model.model.base_model(
        input_ids=tokens, attention_mask=mask, past_key_values=cache, use_cache=True, **positions
    )
    return output.last_hidden_state[:, -1]


def _decode(
    scored_model: ScoredModel, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
) -> list[str]:
    """Texts of continuations, with the space between them and their prompts.

    SentencePiece drops the space before the first token it decodes, so that the whole is decoded, and its beginning
    taken off.
    """

    def decode(rows: list[list[int]]) -> list[str]:
        return scored_model.tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    beginnings = decode([list(prompt) for prompt in prompts])
    wholes = decode([[*prompt, *tokens] for prompt, tokens in zip(prompts, continuations, strict=True)])
    # No prefix where the continuation's first bytes make another character of the prompt's last ones.
    return [whole[common_prefix(whole, beginning) :] for whole, beginning in zip(wholes, beginnings, strict=True)]
