"""What a run was taught with, kept in its checkpoints: one that goes on with something else says so."""

from collections.abc import Collection, Mapping
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.utilities import rank_zero_warn

from distill.data.blocks import Blocks
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import RecipeWarning
from distill.module import DistillationModule
from distill.runtime.paths import expand_user

Settings = Mapping[str, str | int | float | None]
"""Setting → value, such as a checkpoint can hold."""

_KEY = "history"
_OF_ORDER = ("data.train", "data.block_size", "data.global_batch_size", "data.seed")
"""What the order of the training blocks follows from."""
_OF_MEASURE = ("model.", "data.validation", "data.block_size")
"""What val/loss follows from, beside the student."""


def taught(module: DistillationModule) -> dict[str, Any]:
    """What a model is taught: teacher, target and loss."""
    teacher, loss = module.teacher_source, module.loss
    shape = ("kd_weight", "lm_weight", "hidden_weight", "temperature", "divergence", "jsd_beta")
    return {
        "model.teacher.path": None if teacher.path is None else _place(teacher.path),
        "model.teacher.gguf_file": teacher.gguf_file,
        **{f"model.perturbation.{name}": value for name, value in vars(module.perturbation).items()},
        **{f"model.loss.{name}": getattr(loss, name) for name in shape},
    }


def taught_with(module: DistillationModule, data: CounterfactualDataModule) -> dict[str, Any]:
    """The same, and the text, once it is packed."""
    return {
        **taught(module),
        "data.train": _text(data.train_blocks),
        "data.validation": _text(data.validation_blocks) if data.validation_sources else None,
        "data.block_size": data.block_size,
        "data.global_batch_size": data.global_batch_size,
        "data.seed": data.seed,
    }


def _place(path: str) -> str:
    """However a folder is spelled; a hub id as it is."""
    folder = expand_user(path)
    return str(folder.resolve()) if folder.is_dir() else path


def _text(blocks: Blocks) -> str:
    return f"{len(blocks):,} blocks of {blocks.packed.folder.name[:8]}"


def changes(before: Settings, now: Settings) -> dict[str, str]:
    """Setting → what it is and was, of those that are not what they were.

    >>> changes({"model.loss.temperature": 1.0, "data.seed": 3}, {"model.loss.temperature": 2.0, "data.seed": 3})
    {'model.loss.temperature': 'model.loss.temperature 2.0 (before: 1.0)'}
    """
    return {
        name: f"{name} {value} (before: {before[name]})"
        for name, value in now.items()
        if name in before and before[name] != value
    }


def settings_in(checkpoint: Mapping[str, Any]) -> Settings:
    """What the run was taught with that a checkpoint is of; nothing in one that doesn't say."""
    kept = checkpoint.get(_KEY)
    return kept["settings"] if isinstance(kept, dict) and isinstance(kept.get("settings"), dict) else {}


def measured_otherwise(trainer: pl.Trainer, checkpoint: Mapping[str, Any]) -> bool:
    """Whether val/loss is another measure now than it was before this checkpoint."""
    return _changes_measure(changes(settings_in(checkpoint), _of(trainer)))


def _changes_measure(changed: Collection[str]) -> bool:
    return any(name.startswith(_OF_MEASURE) for name in changed)


def _of(trainer: pl.Trainer) -> dict[str, Any]:
    module, data = trainer.lightning_module, trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(module, DistillationModule)
    assert isinstance(data, CounterfactualDataModule)
    return taught_with(module, data)


class History(Callback):
    """Keeps what a run is taught with in its checkpoints, and warns where one goes on with something else.

    Attributes:
        changes: what has changed on the way, and after which step.
    """

    def __init__(self) -> None:
        self.changes: list[str] = []

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Beside Lightning's own entries."""
        checkpoint[_KEY] = {"settings": _of(trainer), "changes": self.changes}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Compare, once the text of a fit is packed."""
        if trainer.state.fn != "fit":
            return
        before = settings_in(checkpoint)
        self.changes = [str(change) for change in checkpoint[_KEY].get("changes", [])] if before else []
        changed = changes(before, _of(trainer))
        if not changed:
            return
        told = ", ".join(changed.values())
        self.changes.append(f"after step {checkpoint['global_step']}: {told}")
        consequences = [f"this run continues with {told}"]
        if not changed.keys().isdisjoint(_OF_ORDER):
            consequences.append("in this pass over the text some blocks come again and others not at all")
        if _changes_measure(changed):
            consequences.append("val/loss is another measure now, so that the best state before counts no more")
        rank_zero_warn("; ".join(consequences), category=RecipeWarning)
