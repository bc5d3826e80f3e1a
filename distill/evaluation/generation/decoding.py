"""Sample continuations of prompts, each one reproducible on its own.

`generate` of `transformers` takes its random numbers from one stream for the whole batch, so that another batch size or
order gives other texts. Here each continuation has random numbers of its own, keyed by (seed, prompt, sample).
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
"""The lowest temperature; logits divided by a lower one may not be finite."""


@dataclass(frozen=True)
class Sampling:
    """How continuations are sampled.

    Attributes:
        max_new_tokens: Maximum number of tokens; there are fewer if the model ends its text.
        temperature: Divides the logits.
        top_p: Probability mass of the nucleus, in (0, 1].
        top_k: Number of most likely tokens kept before `top_p` applies; 0 keeps all, 1 is greedy.
        seed: Seed of every continuation.
        max_length: Maximum number of tokens of a prompt and its continuation together, as `generate` of `transformers`
            counts them; None for any.
    """

    max_new_tokens: int = 64
    temperature: float = 1.0
    top_p: float = 0.9
    top_k: int = 50
    seed: int = 0
    max_length: int | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise UserError(f"max_new_tokens is {self.max_new_tokens}; give at least 1")
        if not self.temperature >= _COLDEST:
            raise UserError(f"temperature is {self.temperature}; give at least {_COLDEST} (greedy: top_k 1)")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top_p is {self.top_p}; give a value in (0, 1]")
        if self.top_k < 0:
            raise UserError(f"top_k is {self.top_k}; give 0 for all tokens, or the number to keep")
        if not 0 <= self.seed < 2**63:
            raise UserError(f"seed is {self.seed}; give a whole number from 0 to 2^63 - 1")

    def new_tokens(self, prompt_length: int) -> int:
        """Return the maximum number of tokens after a prompt of a number of tokens; 0 or less if there is no room."""
        if self.max_length is None:
            return self.max_new_tokens
        return min(self.max_new_tokens, self.max_length - prompt_length)


@dataclass(frozen=True)
class Continuation:
    """What a model wrote after a prompt.

    Attributes:
        text: The text, without the prompt and the end-of-text token.
        tokens: Number of generated tokens, without the end-of-text token.
    """

    text: str
    tokens: int


def prompt_lengths(scored_model: ScoredModel, prompts: Sequence[Prompt], sampling: Sampling) -> list[int]:
    """Return the number of tokens of each prompt.

    Raises:
        UserError: If a prompt has no tokens or leaves no room for its continuation; the error names the first one.
    """
    lengths = scored_model.lengths([prompt.text for prompt in prompts])
    for prompt, length in zip(prompts, lengths, strict=True):
        if not length:
            raise UserError(
                f"prompt {prompt.text!r}: has no tokens under the tokenizer of {scored_model.path}; remove it"
            )
        new = sampling.new_tokens(length)
        if new < 1:
            raise UserError(
                f"prompt {prompt.text[:60]!r}: its {length} tokens leave none of the {sampling.max_length} to its "
                "continuation; shorten or remove it"
            )
        # The last token sampled is not fed back to the model.
        if scored_model.context_length is not None and length + new - 1 > scored_model.context_length:
            raise UserError(
                f"prompt {prompt.text[:60]!r}: its {length} tokens and {new} new ones exceed the "
                f"context length of {scored_model.path}, {scored_model.context_length}; "
                "shorten it or lower --max_new_tokens"
            )
    return lengths


def continue_prompts(
    scored_model: ScoredModel, jobs: Sequence[tuple[Prompt, int]], sampling: Sampling
) -> list[Continuation]:
    """Generate one continuation for each pair of prompt and sample number, all in one batch.

    Raises:
        UserError: If the model's probabilities are not finite.
    """
    prompts = [scored_model.encode(prompt.text) for prompt, _ in jobs]
    random = [uniforms(sampling.seed, prompt.prompt_id, number, sampling.max_new_tokens) for prompt, number in jobs]
    generated = continue_batch(scored_model, prompts, np.stack(random), sampling)
    texts = _decode(scored_model, prompts, generated)
    return [Continuation(text, len(tokens)) for text, tokens in zip(texts, generated, strict=True)]


@torch.inference_mode()
def continue_batch(
    scored_model: ScoredModel, prompts: Sequence[Sequence[int]], random: NDArray[np.float64], sampling: Sampling
) -> list[list[int]]:
    """Generate one continuation of each row, with a key-value cache.

    Args:
        scored_model: The model.
        prompts: Token ids of each row; a prompt that several rows share is read once.
        random: Random numbers in [0, 1), `[batch, max_new_tokens]`.
        sampling: How to sample.

    Returns:
        Token ids of each continuation, without the end-of-text token.

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
    generated = torch.full(random.shape, -1, dtype=torch.long, device=device)
    running = torch.arange(len(prompts), device=device)
    limits = torch.tensor([sampling.new_tokens(len(prompt)) for prompt in prompts], device=device)
    alive = torch.ones_like(running, dtype=torch.bool)
    cache = DynamicCache(config=scored_model.model.config)
    read = 0
    for step in range(sampling.max_new_tokens):
        hidden = _read(scored_model, tokens, mask[:, : read + tokens.shape[1]], cache)
        read += tokens.shape[1]
        logits = scored_model.logits(hidden)
        if step == 0:
            # The samples of a prompt have only the prompt in common: from here on, each has a row of its own.
            hidden, logits, mask = hidden[rows], logits[rows], mask[rows]
            cache.batch_select_indices(rows)
        finite = hidden.isfinite().all(dim=1)
        if not finite.all():
            raise non_finite_error(scored_model, prompts[int(running[~finite][0])])
        chosen = sample(logits, uniform[running, step], sampling.temperature, sampling.top_p, sampling.top_k)
        alive &= ~torch.isin(chosen, ends)
        generated[running, step] = chosen.where(alive, -1)
        alive &= step + 1 < limits[running]
        remaining = int(alive.sum())
        if not remaining:
            break
        # Finished rows are dropped a quarter at a time, because dropping rows copies the cache; but none may be read
        # beyond its maximum length, which may be all that the model has positions for.
        if remaining <= 0.75 * len(running) or (sampling.max_length and bool((step + 1 >= limits[running]).any())):
            running, chosen, mask = running[alive], chosen[alive], mask[alive]
            cache.batch_select_indices(alive.nonzero().squeeze(1))
            alive = alive[alive]
        tokens = chosen.unsqueeze(1)
    return [[token for token in row if token >= 0] for row in generated.tolist()]


def _read(scored_model: ScoredModel, tokens: Tensor, mask: Tensor, cache: DynamicCache) -> Tensor:
    """Return the hidden state of the last token of each row, `[batch, features]`."""
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
    """Decode continuations, including the space between the prompt and the continuation.

    SentencePiece drops the space before the first token that it decodes; therefore prompt and continuation are decoded
    together, and the prompt is removed.
    """

    def decode(rows: list[list[int]]) -> list[str]:
        return scored_model.tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    beginnings = decode([list(prompt) for prompt in prompts])
    wholes = decode([[*prompt, *tokens] for prompt, tokens in zip(prompts, continuations, strict=True)])
    # The prompt is not always a prefix: the first bytes of a continuation may complete its last character.
    return [whole[common_prefix(whole, beginning) :] for whole, beginning in zip(wholes, beginnings, strict=True)]
