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

_DOCUMENTS = (5, 11)
"""Lengths in tokens of the two documents that are compared with each alone."""

_TOLERANCE = 1e-5
"""Norm of the difference between their hidden states in fp32, relative to the norm of these."""


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
    """Verify that position ids which begin anew keep two documents apart: both are as they are alone.

    There is no other sign of it: a recurrent model may accept the positions and carry its state on regardless. What it
    carries on can be less than the rounding of half precision, so that models are compared in fp32.

    Args:
        models: On the CPU, by the name that an error gives them; each runs three times on a few tokens.

    Raises:
        UserError: If the hidden states of a document depend on the one before it, or on its place in the block.
    """
    for name, model in models.items():
        if model is not None and not (_takes_positions(type(backbone(model))) and _keeps_apart(model)):
            raise _not_apart(name)


def _keeps_apart(model: PreTrainedModel) -> bool:
    tokens = torch.arange(sum(_DOCUMENTS))
    ids = tokens.remainder(model.config.get_text_config().vocab_size).unsqueeze(0)
    position_ids = torch.cat([tokens[:length] for length in _DOCUMENTS]).unsqueeze(0)
    training = model.training
    model.eval()
    with _in_fp32(model):
        packed = last_hidden_states(model, ids, position_ids)
        alone = torch.cat([last_hidden_states(model, document) for document in ids.split(_DOCUMENTS, dim=1)], dim=1)
    model.train(training)
    return bool((packed - alone).norm() <= _TOLERANCE * alone.norm())


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
