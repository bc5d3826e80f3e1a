"""Records a run's training settings in its checkpoints, and warns if it continues with other ones."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_warn

from distill.data.blocks import Blocks
from distill.data.datamodule import CounterfactualDataModule, datamodule_of
from distill.errors import RecipeWarning
from distill.models.source import ModelSource
from distill.module import DistillationModule

Settings = Mapping[str, str | int | float | None]
"""Setting → value of a type that a checkpoint can hold."""

_KEY = "history"
_ORDER_SETTINGS = (
    "data.train",
    "data.block_size",
    "data.global_batch_size",
    "data.seed",
    "data.focus",
    "data.focus_ranking",
    "data.rollout.share",
)
"""Settings that determine the order of the training blocks."""
_METRIC_SETTINGS = ("model.", "data.validation", "data.block_size", "data.document_mask")
"""Prefixes of the settings that val/loss depends on, besides the student."""
_AVERAGE = "model.optimizer.average"
"""Which of the student's weights are validated, but not how."""
_NOT_RECORDED = ("chunk_size", "compile")
"""Fields of the loss that change how it is computed, but not what is learnt."""


def training_settings(module: DistillationModule) -> dict[str, Any]:
    """The settings that determine what a student learns from its text: teacher, target and loss."""
    teacher = module.teacher_location
    return {
        "model.teacher.path": teacher and _canonical(teacher),
        "model.teacher.gguf_file": teacher and teacher.gguf_file,
        **{f"model.perturbation.{name}": value for name, value in asdict(module.perturbation).items()},
        **{f"model.loss.{name}": value for name, value in asdict(module.loss).items() if name not in _NOT_RECORDED},
    }


def run_settings(module: DistillationModule, data: CounterfactualDataModule) -> dict[str, Any]:
    """The same, and the text, its order and the averaging of weights, once the text is packed."""
    return {
        **training_settings(module),
        "data.train": _text(data.train_blocks),
        "data.validation": _text(data.validation_blocks) if data.validation_sources else None,
        "data.block_size": data.block_size,
        "data.document_mask": data.document_mask,
        "data.global_batch_size": data.global_batch_size,
        "data.seed": data.seed,
        "data.focus": data.focus,
        "data.focus_ranking": data.focus_ranking_digest,
        "data.focus_correction": data.focus_correction,
        **{f"data.rollout.{name}": value for name, value in asdict(data.rollout).items()},
        _AVERAGE: module.optimizer.average,
    }


def _canonical(source: ModelSource) -> str:
    """One path for all spellings of a folder; a hub id as it is."""
    return source.path if source.folder is None else str(source.folder.resolve())


def _text(blocks: Blocks) -> str:
    return f"{len(blocks):,} blocks of {blocks.packed.folder.name[:8]}"


def changes(before: Settings, now: Settings) -> dict[str, str]:
    """The settings that differ, each with a phrase that gives the value now and before.

    Args:
        before: Settings of the earlier run; those that it lacks are not compared.
        now: Settings of this run.

    Example:
        >>> changes({"model.loss.temperature": 1.0, "data.seed": 3}, {"model.loss.temperature": 2.0, "data.seed": 3})
        {'model.loss.temperature': 'model.loss.temperature 2.0 (before: 1.0)'}
    """
    return {
        name: f"{name} {value} (before: {before[name]})"
        for name, value in now.items()
        if name in before and before[name] != value
    }


def settings_in(checkpoint: Mapping[str, Any]) -> Settings:
    """The training settings of the run that wrote a checkpoint; empty if it does not record them."""
    kept = checkpoint.get(_KEY)
    return kept["settings"] if isinstance(kept, dict) and isinstance(kept.get("settings"), dict) else {}


def validation_metric_changed(trainer: pl.Trainer, checkpoint: Mapping[str, Any]) -> bool:
    """Whether val/loss is defined differently now than in the run up to this checkpoint."""
    return _affects_validation(changes(settings_in(checkpoint), _settings_of(trainer)))


def _affects_validation(changed: Collection[str]) -> bool:
    return any(name.startswith(_METRIC_SETTINGS) and name != _AVERAGE for name in changed)


def _settings_of(trainer: pl.Trainer) -> dict[str, Any]:
    module = trainer.lightning_module
    assert isinstance(module, DistillationModule)
    return run_settings(module, datamodule_of(trainer))


class SettingsHistory(Callback):
    """Records the training settings in the run's checkpoints, and warns if a run continues with other ones.

    Attributes:
        changes: What has changed since the run started, and after which step.
    """

    def __init__(self) -> None:
        self.changes: list[str] = []

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the settings to Lightning's own entries."""
        checkpoint[_KEY] = {"settings": _settings_of(trainer), "changes": self.changes}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Compare the settings of a fit, whose text is packed by now."""
        if trainer.state.fn != "fit":
            return
        before = settings_in(checkpoint)
        self.changes = [str(change) for change in checkpoint[_KEY].get("changes", [])] if before else []
        changed = changes(before, _settings_of(trainer))
        if not changed:
            return
        listed = ", ".join(changed.values())
        self.changes.append(f"after step {checkpoint['global_step']}: {listed}")
        consequences = [f"this run continues with {listed}"]
        if not changed.keys().isdisjoint(_ORDER_SETTINGS):
            consequences.append("in this epoch some blocks are repeated and others left out")
        if _affects_validation(changed):
            consequences.append("val/loss is defined differently now, so that the earlier best checkpoint is forgotten")
        rank_zero_warn("; ".join(consequences), category=RecipeWarning)
