"""Checks on a whole recipe, before anything is packed or trained: what can't work is refused, what defeats its own
purpose is said."""

import warnings
from pathlib import Path

from distill.data.datamodule import CounterfactualDataModule
from distill.errors import RecipeWarning, UserError
from distill.models.integrity import check_files
from distill.module import DistillationModule
from distill.runtime.paths import check_writable


def check_recipe(module: DistillationModule, data: CounterfactualDataModule, output: Path) -> None:
    """Check what model, data and output folder must agree on.

    Raises:
        UserError: a value out of its range, settings that contradict each other, weights that can't be opened, a block
            longer than the positions of a model, heads that the tokenizer doesn't fit, or a folder that can't be
            written.
    """
    _check_values(module)
    for location in (module.teacher_location, module.student_location):
        if location is not None:
            check_files(location)
    module.check_data(data.tokenizer, data.block_size, data.names)
    check_writable(output)
    check_writable(data.cache_dir, "data.cache_dir")
    for reason in reteaching(module, data):
        warnings.warn(reason, RecipeWarning, stacklevel=2)


def _check_values(module: DistillationModule) -> None:
    loss, optimizer = module.loss, module.optimizer
    for name, value, fits, expected in (
        ("loss.kd_weight", loss.kd_weight, loss.kd_weight >= 0, "0 or more"),
        ("loss.lm_weight", loss.lm_weight, loss.lm_weight >= 0, "0 or more"),
        ("loss.hidden_weight", loss.hidden_weight, loss.hidden_weight >= 0, "0 or more"),
        ("loss.temperature", loss.temperature, loss.temperature > 0, "more than 0"),
        ("loss.jsd_beta", loss.jsd_beta, 0 < loss.jsd_beta < 1, "between 0 and 1"),
        ("loss.chunk_size", loss.chunk_size, loss.chunk_size is None or loss.chunk_size >= 1, "1 or more"),
        ("optimizer.lr", optimizer.lr, optimizer.lr > 0, "more than 0"),
        ("optimizer.eps", optimizer.eps, optimizer.eps > 0, "more than 0"),
        ("optimizer.betas", optimizer.betas, all(0 <= beta < 1 for beta in optimizer.betas), "in [0, 1)"),
        ("optimizer.weight_decay", optimizer.weight_decay, optimizer.weight_decay >= 0, "0 or more"),
        ("optimizer.warmup_fraction", optimizer.warmup_fraction, 0 <= optimizer.warmup_fraction <= 1, "in [0, 1]"),
    ):
        if not fits:
            raise UserError(f"model.{name} is {value}: it must be {expected}")
    if not (loss.kd_weight or loss.lm_weight or loss.hidden_weight):
        raise UserError("model.loss: all weights are 0, so there is nothing to learn")
    if module.perturbation.operator != "none" and not loss.kd_weight:
        raise UserError(
            f"model.perturbation.operator is {module.perturbation.operator} and model.loss.kd_weight 0, so that no "
            "target is ever used: set the operator to none, or the weight above 0"
        )


def reteaching(module: DistillationModule, data: CounterfactualDataModule) -> list[str]:
    """What in an equivariant recipe teaches the student the bias again.

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
            "model.loss.lm_weight > 0 with augmented text and names left alone teaches “Mary said he”: "
            "set data.names to true, or model.loss.lm_weight to 0"
        )
    if loss.hidden_weight:
        reasons.append(
            "model.loss.hidden_weight > 0 pulls the student's hidden states to the factual, biased ones: set it to 0"
        )
    return reasons
