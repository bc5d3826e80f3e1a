"""Continue a batch of prompts, with a key-value cache and given random numbers."""

import inspect
from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from distill.decoding.nucleus_sampling import sample
from distill.decoding.sampling import Sampling
from distill.models.output_head import output_head


class NonFiniteLogitsError(ArithmeticError):
    """The probabilities after a row are NaN or infinite.

    Attributes:
        row: Index of the first such row.
    """

    def __init__(self, row: int) -> None:
        super().__init__(f"the probabilities after row {row} are not finite")
        self.row = row


@torch.inference_mode()
def continue_batch(
    model: PreTrainedModel,
    ends: Collection[int],
    prompts: Sequence[Sequence[int]],
    random: NDArray[np.float64],
    sampling: Sampling,
) -> list[list[int]]:
    """Generate one continuation of each row, with a key-value cache.

    Args:
        model: The model.
        ends: The end-of-text tokens.
        prompts: Token ids of each row; a prompt that several rows share is read once.
        random: Random numbers in [0, 1), `[batch, max_new_tokens]`.
        sampling: How to sample.

    Returns:
        Token ids of each continuation, without the end-of-text token.

    Raises:
        NonFiniteLogitsError: If the model's probabilities are not finite.
    """
    device = model.device
    head = output_head(model)
    distinct = list(dict.fromkeys(map(tuple, prompts)))
    place = {prompt: index for index, prompt in enumerate(distinct)}
    longest = max(map(len, distinct))
    tokens = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in distinct], device=device)
    padding = torch.tensor([longest - len(prompt) for prompt in distinct], device=device).unsqueeze(1)
    mask = (torch.arange(longest + sampling.max_new_tokens, device=device) >= padding).long()
    rows = torch.tensor([place[tuple(prompt)] for prompt in prompts], device=device)
    uniform = torch.from_numpy(random).to(device)
    ends = torch.tensor(sorted(ends), dtype=torch.long, device=device)
    generated = torch.full(random.shape, -1, dtype=torch.long, device=device)
    running = torch.arange(len(prompts), device=device)
    limits = torch.tensor([sampling.new_tokens(len(prompt)) for prompt in prompts], device=device)
    alive = torch.ones_like(running, dtype=torch.bool)
    cache = DynamicCache(config=model.config)
    read = 0
    for step in range(sampling.max_new_tokens):
        hidden = _read(model, tokens, mask[:, : read + tokens.shape[1]], cache)
        read += tokens.shape[1]
        logits = head.logits(hidden)
        if step == 0:
            # The samples of a prompt have only the prompt in common: from here on, each has a row of its own.
            hidden, logits, mask = hidden[rows], logits[rows], mask[rows]
            cache.batch_select_indices(rows)
        finite = hidden.isfinite().all(dim=1)
        if not finite.all():
            raise NonFiniteLogitsError(int(running[~finite][0]))
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


def _read(model: PreTrainedModel, tokens: Tensor, mask: Tensor, cache: DynamicCache) -> Tensor:
    """Return the hidden state of the last token of each row, `[batch, features]`."""
    positions = {}
    if takes_positions(model):
        positions["position_ids"] = (mask.cumsum(dim=1) - 1).clamp_min(0)[:, -tokens.shape[1] :]
    output = model.base_model(input_ids=tokens, attention_mask=mask, past_key_values=cache, use_cache=True, **positions)
    return output.last_hidden_state[:, -1]


def takes_positions(model: PreTrainedModel) -> bool:
    """Return whether the model accepts `position_ids`; models without absolute positions may not."""
    return "position_ids" in inspect.signature(model.base_model.forward).parameters
