"""Opens `data.teacher_cache` for a fit: a folder for each text and teacher, its size and its rounding told first."""

import hashlib
import json
from pathlib import Path

import pytorch_lightning as pl
import torch
import transformers
from pytorch_lightning.utilities import rank_zero_info
from torch import Tensor
from transformers import PreTrainedModel

import distill.data.blocks
import distill.models.output_head
import distill.perturbation.prefix_kinds
import distill.teacher_passes
from distill.data.blocks import Batch, Blocks, collate
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import UserError
from distill.losses.fused import TeacherStates
from distill.losses.target_divergence import target_divergence
from distill.losses.terms import TargetRule
from distill.models.adapter import frozen_digest
from distill.models.output_head import output_head
from distill.models.teacher_cache import TeacherCache, check_space, gigabytes
from distill.runtime.code_digest import code_digest
from distill.teacher_passes import TeacherPasses, run_teacher

_CODE = (distill.data.blocks, distill.perturbation.prefix_kinds, distill.models.output_head, distill.teacher_passes)
"""The modules that decide which states belong to a block."""
_TRIED_BLOCKS = 8
"""Blocks at the start of the text that the effect of rounding is measured on."""


def open_caches(trainer: pl.Trainer, teacher: PreTrainedModel | None, rule: TargetRule) -> dict[str, TeacherCache]:
    """Open the caches of the training and the validation text; none if the data names no folder for them.

    Args:
        trainer: In a fit, with its data set up and the teacher on its device.
        teacher: The model, with frozen weights.
        rule: Makes the target out of the teacher's predictions.

    Returns:
        `train` and, where there is a validation text, `validation`.

    Raises:
        UserError: If there is no teacher, a folder cannot be written, or its disk may not have the space.
    """
    data = getattr(trainer, "datamodule", None)
    if not isinstance(data, CounterfactualDataModule) or data.teacher_cache is None:
        return {}
    check_teacher_is_asked(teacher is not None)
    assert teacher is not None
    dtype = None if data.teacher_cache_dtype is None else torch.bfloat16
    texts = {"train": data.train_blocks, **({"validation": data.validation_blocks} if data.validation_sources else {})}
    # Under the run's autocast, which decides the dtype of the states.
    with trainer.precision_plugin.forward_context():
        batch = collate([data.train_blocks[number] for number in range(min(_TRIED_BLOCKS, len(data.train_blocks)))])
        batch = batch.to(teacher.device)
        passes = run_teacher(teacher, batch, rule.settings.changes_target)
        caches = {
            name: _open(data.teacher_cache, blocks, teacher, str(trainer.precision), passes.hidden, dtype)
            for name, blocks in texts.items()
        }
    used = {name: len(blocks) for name, blocks in texts.items()}
    used["train"] = min(used["train"], int(trainer.estimated_stepping_batches) * data.blocks_per_step)
    _tell_size(data.teacher_cache, caches, used, passes=1 + rule.settings.changes_target)
    if dtype is not None:
        _tell_rounding(teacher, batch, passes, caches["train"], rule)
    return caches


def check_teacher_is_asked(uses_teacher: bool) -> None:
    """Refuse a cache for a recipe without a teacher.

    Raises:
        UserError: If the loss does not use the teacher.
    """
    if not uses_teacher:
        raise UserError("data.teacher_cache keeps what the teacher says, and this recipe asks no teacher: leave it out")


def _open(
    folder: Path, blocks: Blocks, teacher: PreTrainedModel, precision: str, states: Tensor, dtype: torch.dtype | None
) -> TeacherCache:
    about = {
        "teacher": f"{teacher.config.name_or_path or type(teacher).__name__}, SHA-256 {frozen_digest(teacher)}",
        "configuration": hashlib.sha256(teacher.config.to_json_string(use_diff=False).encode()).hexdigest(),
        "text": blocks.description,
        "states": f"{states.dtype}, kept as {dtype or states.dtype}",
        "precision": f"{precision} on {teacher.device.type}",
        "code": code_digest(Path(module.__file__ or "") for module in _CODE),
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}",
    }
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]
    return TeacherCache(folder / key, about, len(blocks), blocks.length, states, dtype)


def _tell_size(folder: Path, caches: dict[str, TeacherCache], used: dict[str, int], passes: int) -> None:
    most = sum(used[name] * passes * cache.record_bytes for name, cache in caches.items())
    there = sum(cache.records * cache.record_bytes for cache in caches.values())
    check_space(folder, most - there)
    held = "" if not there else f"; {gigabytes(there)} of them are there"
    rank_zero_info(f"The teacher's states take up to {gigabytes(most)} in {folder}{held}")


def _tell_rounding(
    teacher: PreTrainedModel, batch: Batch, exact: TeacherPasses, cache: TeacherCache, rule: TargetRule
) -> None:
    weight = output_head(teacher).weight
    rounded = (None if states is None else cache.rounded(states) for states in exact)
    divergence = target_divergence(
        rule,
        TeacherStates(weight, *exact),
        TeacherStates(weight, *rounded),  # type: ignore[arg-type] # the first is there
        batch.labels.flatten(),
        batch.prefix.flatten(),
    )
    rank_zero_info(f"In bfloat16, they move the target by {divergence:.1e} nats a token (mean KL to the exact target)")
