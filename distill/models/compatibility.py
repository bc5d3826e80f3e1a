"""What teacher, student, tokenizer and blocks must agree on."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from distill.errors import UserError
from distill.models.output_head import backbone, block_limit, check_logit_transforms, last_hidden_states

_FIRST, _SECOND = 5, 11
"""Lengths in tokens of two documents in a row."""

_TOLERANCE = 1e-5
"""How far the hidden states of the second may change behind another first one, and be from those of it alone, relative
to their norm, in fp32."""


def check_positions(configs: dict[str, PreTrainedConfig | None], block_size: int) -> None:
    """Refuse blocks that are longer than a model's positions.

    Args:
        configs: Of the models, by the name that an error gives them.
        block_size: Tokens of a block.

    Raises:
        UserError: If a model has fewer positions than a block has tokens.
    """
    for name, config in configs.items():
        limit = None if config is None else block_limit(config)
        if limit is not None and block_size > limit:
            raise UserError(f"data.block_size is {block_size}, longer than the {name}'s {limit} positions: lower it")


def check_tokenizer_fits(configs: dict[str, PreTrainedConfig | None], tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse models that lack one of the tokenizer's ids.

    Args:
        configs: Of the models, by the name that an error gives them.
        tokenizer: The tokenizer.

    Raises:
        UserError: If a model has no token of the tokenizer's highest id.
    """
    highest = max(tokenizer.get_vocab().values())
    for name, config in configs.items():
        if config is not None and (size := config.get_text_config().vocab_size) <= highest:
            raise UserError(f"the {name} has {size} tokens, and the tokenizer's ids go up to {highest}")


def check_same_head(teacher: PreTrainedConfig, student: PreTrainedConfig, hidden_states: bool) -> None:
    """Refuse a student whose head or hidden states cannot be compared with the teacher's.

    Args:
        teacher: The teacher's configuration.
        student: The student's configuration.
        hidden_states: Whether the loss compares hidden states, too.

    Raises:
        UserError: If the student has more tokens than the teacher, or hidden states are compared and their widths
            differ.
    """
    of_teacher: Any = teacher.get_text_config()
    of_student: Any = student.get_text_config()
    if of_student.vocab_size > of_teacher.vocab_size:
        raise UserError(
            f"the student has {of_student.vocab_size} tokens and the teacher {of_teacher.vocab_size}: the others "
            "would never be trained; use the teacher's vocab_size for the student"
        )
    if hidden_states and of_teacher.hidden_size != of_student.hidden_size:
        raise UserError(
            f"model.loss.hidden_weight needs hidden states of equal width: teacher {of_teacher.hidden_size}, student "
            f"{of_student.hidden_size}"
        )


def check_plain_logits(configs: dict[str, PreTrainedConfig | None]) -> None:
    """Refuse models whose configuration puts something between hidden states and logits.

    Args:
        configs: Of the models, by the name that an error gives them.

    Raises:
        UserError: If logits are scaled or capped.
    """
    for name, config in configs.items():
        if config is not None:
            check_logit_transforms(config, name)


def check_takes_positions(configs: dict[str, PreTrainedConfig | None]) -> None:
    """Refuse models that cannot keep documents apart, as far as their configurations show.

    Args:
        configs: Of the models, by the name that an error gives them.

    Raises:
        UserError: If a model takes no position ids.
    """
    for name, config in configs.items():
        if config is None or type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
            continue
        if not _takes_positions(MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]):
            raise _not_apart(name)


@torch.no_grad()
def check_documents_apart(models: dict[str, PreTrainedModel | None]) -> None:
    """Verify that position ids which begin anew keep two documents apart: the second is as it is alone.

    There is no other sign of it: a recurrent model may accept the positions and carry its state on regardless. What it
    carries on can be less than the rounding of half precision, so that models are compared in fp32; and less than the
    rounding of fp32 between inputs of different lengths, so that the second document is also compared behind two
    different ones.

    Args:
        models: On the CPU, by the name that an error gives them; each runs three times on a few tokens.

    Raises:
        UserError: If the hidden states of a document depend on the one before it, or on its place in the block.
    """
    for name, model in models.items():
        if model is not None and not (_takes_positions(type(backbone(model))) and _keeps_apart(model)):
            raise _not_apart(name)


def _keeps_apart(model: PreTrainedModel) -> bool:
    size, length = model.config.get_text_config().vocab_size, 2 * _FIRST + _SECOND
    # Far from the first ids, which are often special tokens, whose huge activations come with huge rounding errors.
    ids = (torch.arange(1, length + 1) * max(1, size // (length + 1))).remainder(size).unsqueeze(0)
    first, other, second = ids.split([_FIRST, _FIRST, _SECOND], dim=1)
    position_ids = torch.cat([torch.arange(_FIRST), torch.arange(_SECOND)]).unsqueeze(0)
    training = model.training
    model.eval()
    with _in_fp32(model):
        packed, behind_other = (
            last_hidden_states(model, torch.cat([document, second], dim=1), position_ids)[0, _FIRST:]
            for document in (first, other)
        )
        alone = last_hidden_states(model, second)[0]
    model.train(training)
    # With the same shapes only batches of experts' tokens change the rounding, and with other shapes that of a rare
    # token can be a hundred times the usual.
    change, difference = (packed - behind_other).norm(), (packed - alone).norm(dim=-1) / alone.norm(dim=-1)
    return bool(change <= _TOLERANCE * packed.norm()) and bool(difference.median() <= _TOLERANCE)


@contextmanager
def _in_fp32(model: nn.Module) -> Iterator[None]:
    """Parameters in fp32, and then in their own dtype again, to the bit; buffers, such as rotary frequencies, stay."""
    dtypes = [parameter.dtype for parameter in model.parameters()]
    for parameter in model.parameters():
        parameter.data = parameter.data.float()
    yield
    for parameter, dtype in zip(model.parameters(), dtypes, strict=True):
        parameter.data = parameter.data.to(dtype)


def _takes_positions(model_class: Any) -> bool:
    return "position_ids" in inspect.signature(model_class.forward).parameters


def _not_apart(name: str) -> UserError:
    return UserError(
        f"{name}: this architecture cannot keep the documents of a block apart, each sees what precedes it; set "
        "data.document_mask to false"
    )
