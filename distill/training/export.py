"""Exports the folder that `transformers` loads: weights, configuration, tokenizer, model card."""

from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl

from augment.runtime.atomic_write import atomic_write
from distill.data.datamodule import CounterfactualDataModule
from distill.models.adapter import merged_state, save_adapter
from distill.module import DistillationModule
from distill.training.model_card import model_card


def export_student(
    module: DistillationModule,
    data: CounterfactualDataModule,
    trainer: pl.Trainer,
    output: Path,
    checkpoint: Path | None,
    changes: Sequence[str] = (),
    ended: str | None = None,
) -> Path:
    """Write `<output>/student/` completely or not at all; an earlier one is replaced.

    Args:
        module: Holds the student's weights and the recipe.
        data: The data that it was trained on.
        trainer: Holds the number of steps.
        output: The run's folder.
        checkpoint: The file that the weights come from; None: the weights of the last step.
        changes: Settings that changed during the run, see `distill.callbacks.settings_history`.
        ended: Why the run ended before its last step, if it did.

    Returns:
        The folder.
    """

    def write(unfinished: Path) -> None:
        adapted = module.student_source.adapter
        module.student.save_pretrained(
            unfinished, state_dict=None if adapted.rank is None else merged_state(module.student)
        )
        if adapted.keep:
            base = module.student_location or module.teacher_location
            assert base is not None
            save_adapter(module.student, base.path, unfinished / "adapter")
        module.tokenizer.save_pretrained(unfinished)
        card = model_card(module, data, trainer, checkpoint, changes, ended)
        (unfinished / "README.md").write_text(card, encoding="utf-8")

    folder = output / "student"
    atomic_write(folder, write, exclusive=True)
    return folder
