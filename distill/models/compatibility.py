"""What teacher, student, tokenizer and blocks must agree on, with or without the command line."""

from distill.errors import UserError
from distill.models.output_head import block_limit, check_logits
from distill.module import DistillationModule


def check_agreement(module: DistillationModule, block_size: int, names: bool) -> None:
    """Refuse models that can't take the blocks of a data module.

    Args:
        module: its models need not be loaded.
        block_size: tokens a block.
        names: whether first names are reversed in the blocks.

    Raises:
        UserError: a block longer than the positions of a model, heads that the tokenizer doesn't fit, logits that are
            capped or scaled, an empty role-reversed vocabulary, or names reversed in the text and not in the
            vocabulary, or vice versa.
    """
    _check_vocabulary(module, names)
    _check_heads(module)
    for name, config in (("teacher", module.teacher_config), ("student", module.student_config)):
        limit = None if config is None else block_limit(config)
        if limit is not None and block_size > limit:
            raise UserError(f"data.block_size is {block_size}, longer than the {name}'s {limit} positions: lower it")


def _check_vocabulary(module: DistillationModule, names: bool) -> None:
    """A role-reversed vocabulary that is used holds something, and first names only where the text's are reversed."""
    if module.vocabulary is None or module.perturbation.operator == "none":
        return
    if module.names != names:
        raise UserError(
            f"names are {'' if names else 'not '}reversed in the text and {'' if module.names else 'not '}in the "
            "role-reversed vocabulary: give module and data the same `names`"
        )
    if not len(module.vocabulary.tokens):
        raise UserError(
            "model.perturbation.vocabulary reversed is empty: none of the tokenizer's tokens is a gendered word whose "
            "counterpart is a token too; set it to identity, or take another tokenizer"
        )


def _check_heads(module: DistillationModule) -> None:
    """Logits are a product with the head, the tokenizer's ids exist in both, and the student's is trained whole."""
    teacher, student = (
        config and config.get_text_config() for config in (module.teacher_config, module.student_config)
    )
    highest = max(module.tokenizer.get_vocab().values())
    for name, config in (("teacher", teacher), ("student", student)):
        if config is not None and config.vocab_size <= highest:
            raise UserError(f"the {name} has {config.vocab_size} tokens, and the tokenizer's ids go up to {highest}")
    if teacher is not None and module.asks_teacher:
        check_logits(teacher, module.teacher_source.path or "teacher")
    check_logits(student, module.student_source.path or "student")
    if teacher is None or not module.asks_teacher:
        return
    if student.vocab_size > teacher.vocab_size:
        raise UserError(
            f"the student has {student.vocab_size} tokens and the teacher {teacher.vocab_size}: what is beyond would "
            "never be trained; give the student the teacher's vocab_size"
        )
    if module.loss.hidden_weight and teacher.hidden_size != student.hidden_size:
        raise UserError(
            f"model.loss.hidden_weight needs hidden states of one width: teacher {teacher.hidden_size}, student "
            f"{student.hidden_size}"
        )
