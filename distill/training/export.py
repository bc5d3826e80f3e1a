"""Exports the folder that `transformers` loads: weights, configuration, tokenizer, model card."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl

from distill.data.datamodule import CounterfactualDataModule
from distill.module import DistillationModule
from distill.training.model_card import model_card


def export_student(
    module: DistillationModule,
    data: CounterfactualDataModule,
    trainer: pl.Trainer,
    output: Path,
    checkpoint: Path | None,
    changes: Sequence[str] = (),
) -> Path:
    """Write `<output>/student/` completely or not at all; an earlier one is replaced.

    Args:
        module: Has the student's weights and the recipe.
        data: The data that it was trained on.
        trainer: Has the number of steps.
        output: The run's folder.
        checkpoint: The file that the weights come from; None: they are those of the last step.
        changes: Settings that changed during the run, see `distill.callbacks.settings_history`.

    Returns:
        The folder.
    """
    folder = output / "student"
    unfinished = output / "student.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        module.student.save_pretrained(unfinished)
        module.tokenizer.save_pretrained(unfinished)
        (unfinished / "README.md").write_text(model_card(module, data, trainer, checkpoint, changes), encoding="utf-8")
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    if folder.exists():
        replaced = output / "student.replaced"
        shutil.rmtree(replaced, ignore_errors=True)
        folder.rename(replaced)
        unfinished.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    else:
        unfinished.rename(folder)
    return folder
