"""The output head: logits must be hidden states times its weights."""

import torch
from torch import Tensor, nn
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
)

from distill.errors import UserError


def backbone(model: PreTrainedModel) -> nn.Module:
    """The model without its head: its `last_hidden_state` is what the head takes."""
    return model.base_model


def head_weight(model: PreTrainedModel) -> Tensor:
    """`[V, D]` weights of the head."""
    return model.get_output_embeddings().weight


def block_limit(config: PreTrainedConfig) -> int | None:
    """The longest input in tokens that the model's positions allow; None where it states none."""
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def check_logits(config: PreTrainedConfig, name: str) -> None:
    """As `check_head`, as far as a configuration tells it.

    Raises:
        UserError: naming what stands there.
    """
    if found := _between(config):
        raise _unsupported(name, found)


@torch.no_grad()
def check_head(model: PreTrainedModel, name: str) -> None:
    """Make sure that logits are hidden @ Wᵀ: the fused loss works from hidden states.

    Raises:
        UserError: they are not; the message says what stands between.
    """
    bias = getattr(model.get_output_embeddings(), "bias", None)
    found = [*([] if bias is None else ["a bias in the head"]), *_between(model.config)]
    # A fresh model's bias is zero and its logits are far below any cap: what is there counts, not what it does today.
    if found:
        raise _unsupported(name, found)
    training = model.training
    model.eval()
    ids = torch.arange(8, device=model.device).remainder(model.config.vocab_size).unsqueeze(0)
    logits = model(ids).logits.float()
    product = (backbone(model)(ids).last_hidden_state @ head_weight(model).T).float()
    model.train(training)
    if not torch.allclose(product, logits, rtol=1e-2, atol=1e-2):
        raise _unsupported(name, ["something"])


def _between(config: PreTrainedConfig) -> list[str]:
    """What a configuration puts between hidden @ Wᵀ and the logits, in words."""
    text = config.get_text_config()
    scales = ("logit_scale", "logits_scaling", "lm_head_multiplier")
    found = {
        "a soft cap": bool(getattr(text, "final_logit_softcapping", None)),
        "a logit scale": any(getattr(text, scale, None) not in (None, 1) for scale in scales),
    }
    return [cause for cause, present in found.items() if present]


def _unsupported(name: str, found: list[str]) -> UserError:
    reason = " and ".join(found)
    return UserError(f"model {name!r} is not supported: {reason} stands between its hidden states and its logits")
