"""Checks a whole recipe before anything is packed or trained.

Settings that cannot work are refused; those that work against the recipe's own purpose cause a warning.
"""

import warnings
from pathlib import Path

from distill.data.datamodule import CounterfactualDataModule
from distill.errors import RecipeWarning, UserError
from distill.models.adapter import check_adapter
from distill.models.compatibility import check_takes_positions
from distill.models.integrity import check_files
from distill.module import DistillationModule
from distill.rollouts import BUILT_IN_PROMPTS, prompt_lines
from distill.runtime.paths import check_writable, expand_user
from distill.teacher_caches import check_teacher_is_asked


def check_recipe(module: DistillationModule, data: CounterfactualDataModule, output: Path) -> None:
    """Check what model, data and output folder must agree on.

    Args:
        module: The model, not yet loaded.
        data: The data, not yet packed.
        output: The run's folder.

    Raises:
        UserError: If settings contradict each other, weights cannot be opened, a block is longer than the positions of
            a model, a head does not fit the tokenizer, a model cannot keep documents apart, or a folder cannot be
            written.
    """
    _check_settings(module)
    for location in (module.teacher_location, module.student_location):
        if location is not None:
            check_files(location)
    check_adapter(module.student_source, module.student_config, module.teacher_config)
    module.check_data(data.tokenizer, data.block_size, data.names)
    if data.document_mask:
        check_takes_positions(
            {
                module.teacher_source.path or "teacher": module.teacher_config if module.uses_teacher else None,
                module.student_source.path or "student": module.student_config,
            }
        )
    check_writable(output)
    check_writable(data.cache_dir, "data.cache_dir")
    if data.teacher_cache is not None:
        check_writable(data.teacher_cache, "data.teacher_cache")
        check_teacher_is_asked(module.uses_teacher)
    _check_rollouts(module, data)
    for reason in bias_warnings(module, data):
        warnings.warn(reason, RecipeWarning, stacklevel=2)


def _check_settings(module: DistillationModule) -> None:
    loss = module.loss
    if not (loss.kd_weight or loss.lm_weight or loss.hidden_weight or loss.odds_weight):
        raise UserError("model.loss: all weights are 0, so there is nothing to learn")
    if module.perturbation.operator != "none" and not module.uses_target:
        raise UserError(
            f"model.perturbation.operator is {module.perturbation.operator} and model.loss.kd_weight 0, so that the "
            "target is never used: set the operator to none, or the weight above 0"
        )
    if loss.odds_weight and module.vocabulary is None:
        raise UserError(
            "model.loss.odds_weight needs the role-reversed vocabulary: set model.perturbation.vocabulary to reversed"
        )


def _check_rollouts(module: DistillationModule, data: CounterfactualDataModule) -> None:
    if not data.rollout.share:
        return
    if not module.uses_target:
        raise UserError(
            "data.rollout: nothing judges what the student writes, since model.loss.kd_weight and odds_weight are 0: "
            "set one of them, or data.rollout.share to 0"
        )
    if data.rollout.prompts not in BUILT_IN_PROMPTS:
        prompt_lines(expand_user(data.rollout.prompts))


def bias_warnings(module: DistillationModule, data: CounterfactualDataModule) -> list[str]:
    """The reasons why an equivariant recipe would teach the student the bias again, one per setting.

    Hard labels and hidden states come from the biased world; see “The mathematics” in ARCHITECTURE.md.
    """
    perturbation, loss = module.perturbation, module.loss
    if perturbation.operator == "none" or perturbation.vocabulary != "reversed" or perturbation.contexts != "all":
        return []
    reasons = []
    if loss.lm_weight and data.augmentation == "none":
        reasons.append(
            "model.loss.lm_weight > 0 without augmentation pulls the student back to the text's bias: "
            "set data.augmentation to append or substitute, or model.loss.lm_weight to 0"
        )
    if loss.lm_weight and data.augmentation != "none" and not data.names:
        reasons.append(
            "model.loss.lm_weight > 0 with augmented text and unreversed names teaches “Mary said he”: "
            "set data.names to true, or model.loss.lm_weight to 0"
        )
    if loss.hidden_weight:
        reasons.append(
            "model.loss.hidden_weight > 0 pulls the student's hidden states to the factual, biased ones: set it to 0"
        )
    return reasons
