"""The output head: how logits follow from hidden states, described once for training, preview and evaluation."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from distill.errors import UserError

_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 5e-2}
"""How far described logits may be from the model's own, relative to the largest, by the dtype of its weights."""


@dataclass(frozen=True)
class OutputHead:
    """logits = hidden @ weightᵀ + bias. The tensors are the model's own, never copies.

    A scale of the hidden states and a soft cap on the logits would be two more fields here, read by `output_head`,
    applied in `logits`, and no longer refused by `check_logit_transforms`.

    Attributes:
        weight: `[vocabulary, features]`.
        bias: `[vocabulary]`; None where the head has none.
    """

    weight: Tensor
    bias: Tensor | None = None

    def logits(self, hidden: Tensor) -> Tensor:
        """fp32 logits `[tokens, vocabulary]` of hidden states `[tokens, features]`."""
        # In this order a matrix product is up to 1.5 times as fast on a CPU, for a large vocabulary.
        logits = (self.weight.float() @ hidden.float().T).T.contiguous()
        return logits if self.bias is None else logits + self.bias.float()


def output_head(model: PreTrainedModel) -> OutputHead:
    """Describe the head of a model; `check_head` verifies the description."""
    layer = model.get_output_embeddings()
    return OutputHead(layer.weight, getattr(layer, "bias", None))


def backbone(model: PreTrainedModel) -> nn.Module:
    """The model without its head: its `last_hidden_state` is the input of the head."""
    return model.base_model


def last_hidden_states(model: PreTrainedModel, ids: Tensor, position_ids: Tensor | None = None) -> Tensor:
    """What the head of a model takes.

    Args:
        model: The model.
        ids: `[batch, length]` token ids.
        position_ids: `[batch, length]` positions that begin anew with each document, which then sees no other; None:
            each row is one document.

    Returns:
        `[batch, length, D]`.
    """
    apart = {} if position_ids is None else {"position_ids": position_ids}
    # With a mask or a cache, transformers would not look for documents in the positions.
    return backbone(model)(input_ids=ids, use_cache=False, **apart).last_hidden_state


def block_limit(config: PreTrainedConfig) -> int | None:
    """The longest input in tokens that the model's positions allow; None if the configuration names no limit."""
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def check_logit_transforms(config: PreTrainedConfig, name: str) -> None:
    """Refuse logits that are scaled or capped, as far as the configuration shows.

    Args:
        config: Of the model.
        name: The model's name in error messages.

    Raises:
        UserError: If logits are scaled or capped.
    """
    if found := _transforms_of_logits(config):
        raise _unsupported(name, " and ".join(found))


def check_trainable_head(model: PreTrainedModel, name: str) -> None:
    """Refuse a head that the fused loss cannot compute.

    Args:
        model: The model; a bias that is still 0 counts, too.
        name: The model's name in error messages.

    Raises:
        UserError: If the head has a bias.
    """
    if output_head(model).bias is not None:
        raise _unsupported(name, "a bias in the head")


@torch.no_grad()
def check_head(model: PreTrainedModel, name: str) -> None:
    """Verify that a model's own logits are those that its `OutputHead` computes from its hidden states.

    Args:
        model: The model, which runs once on a few tokens.
        name: The model's name in error messages.

    Raises:
        UserError: If logits are scaled or capped, differ from the head's for another reason, or are not finite.
    """
    # A fresh model's logits are far below any cap, so that only its configuration shows that there is one.
    check_logit_transforms(model.config, name)
    head = output_head(model)
    tokens = torch.arange(8, device=model.device).remainder(len(head.weight)).unsqueeze(0)
    training = model.training
    model.eval()
    own = model(input_ids=tokens, use_cache=False).logits[0].float()
    described = head.logits(backbone(model)(input_ids=tokens, use_cache=False).last_hidden_state[0])
    model.train(training)
    if not own.isfinite().all():
        raise UserError(f"{name}: its logits are not finite; its weights are damaged, or need dtype float32")
    tolerance = _TOLERANCE[model.dtype]
    if not torch.allclose(own, described, rtol=tolerance, atol=tolerance * float(own.abs().max())):
        raise _unsupported(name, "something")


def _transforms_of_logits(config: PreTrainedConfig) -> list[str]:
    """What a configuration applies between the head's products and the logits, in words."""
    text = config.get_text_config()
    scales = ("logit_scale", "logits_scaling", "lm_head_multiplier")
    found = {
        "a soft cap": bool(getattr(text, "final_logit_softcapping", None)),
        "a logit scale": any(getattr(text, scale, None) not in (None, 1) for scale in scales),
    }
    return [transform for transform, present in found.items() if present]


def _unsupported(name: str, reason: str) -> UserError:
    return UserError(f"model {name!r} is not supported: {reason} stands between its hidden states and its logits")
