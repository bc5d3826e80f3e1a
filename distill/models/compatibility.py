"""What teacher, student, tokenizer and blocks must agree on, as far as their configurations show."""

from typing import Any

from transformers import PreTrainedConfig, PreTrainedTokenizerBase

from distill.errors import UserError
from distill.models.output_head import block_limit, check_logit_transforms


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
