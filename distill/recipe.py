"""Checks on a whole recipe, before anything is packed or trained: what can't work is refused, what defeats its own
purpose is said."""

import os
import tempfile
import warnings
from pathlib import Path

from distill.data import CounterfactualDataModule
from distill.errors import UserError
from distill.models import block_limit
from distill.module import DistillationModule


class RecipeWarning(UserWarning):
    """A setting that works against the recipe's own aim."""


def check_recipe(module: DistillationModule, data: CounterfactualDataModule, output: Path) -> None:
    """Check what model, data and output folder must agree on.

    Raises:
        UserError: a block longer than the positions of a model, or an output folder that can't be written.
    """
    for name, config in (("teacher", module.teacher_config), ("student", module.student_config)):
        limit = None if config is None else block_limit(config)
        if limit is not None and data.block_size > limit:
            raise UserError(
                f"data.block_size is {data.block_size}, longer than the {name}'s {limit} positions: lower it"
            )
    check_writable(output)
    for reason in reteaching(module, data):
        warnings.warn(reason, RecipeWarning, stacklevel=2)


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
            "loss.lm_weight > 0 without augmentation pulls the student back to the text's bias: "
            "set data.augmentation to append or substitute, or lm_weight to 0"
        )
    if loss.lm_weight and data.augmentation != "none" and not data.names:
        reasons.append(
            "loss.lm_weight > 0 with augmented text and names left alone teaches “Mary said he”: "
            "set data.names to true, or lm_weight to 0"
        )
    if loss.hidden_weight:
        reasons.append(
            "loss.hidden_weight > 0 pulls the student's hidden states to the factual, biased teacher's: set it to 0"
        )
    return reasons


def check_writable(folder: Path) -> None:
    """Make sure that files can be written into `folder`, which need not exist yet; leaves nothing behind.

    Raises:
        UserError: they can't.
    """
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UserError(f"output {str(folder)!r}: {str(existing)!r} is a file, not a folder")
    try:
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError("no permission")
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise UserError(f"output {str(folder)!r} can't be written: {error.strerror or error}") from error
