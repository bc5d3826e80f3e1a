"""Teacher and student, loaded together: a student starts from its teacher's weights, and may share them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from distill.config import StudentConfig
from distill.models.adapter import add_adapter
from distill.models.loading import load_teacher
from distill.models.source import ModelSource
from distill.models.student import build_student


def load_teacher_and_student(
    teacher: ModelSource | None,
    dtype: torch.dtype | None,
    student: StudentConfig,
    config: PreTrainedConfig,
    source: ModelSource | None,
    seed: int,
) -> tuple[PreTrainedModel | None, PreTrainedModel]:
    """Load the teacher and build the student, both on the CPU.

    An adapted student shares the frozen tensors that it has from a teacher in fp32: they are in memory once.

    Args:
        teacher: Where the teacher is; None without one.
        dtype: Of the teacher's weights; None if the loss does not use it.
        student: The student's settings.
        config: Its configuration, from `distill.models.student.student_config`.
        source: Where `student.path` is; None without a path.
        seed: Of an adapter's random half.

    Returns:
        The teacher, None if the loss does not use it; and the student in fp32, ready to train.

    Raises:
        UserError: If a model cannot be read or is not supported, layers do not fit their new numbers, or an adapter
            does not fit the student.
    """
    adapted = student.adapter.rank is not None
    if adapted and source is not None and _same_weights(source, teacher):
        student, source = replace(student, path=None, layers=[*range(config.num_hidden_layers)]), None
    # Layers are copied from the weights in fp32, not from those rounded to the teacher's dtype. The teacher itself is
    # loaded in its dtype: `.to(dtype)` would round rotary frequencies, too.
    copied = None
    if student.layers is not None:
        assert teacher is not None
        copied = load_teacher(teacher)
    model = build_student(student, config, copied, source)
    if adapted:
        add_adapter(model, student.adapter, seed)
    if dtype is None:
        return None, model
    if copied is not None and dtype == torch.float32:
        return copied, model
    del copied
    assert teacher is not None
    return load_teacher(teacher, dtype), model


def _same_weights(one: ModelSource, other: ModelSource | None) -> bool:
    """Whether two sources are the same files, as far as their names show."""
    if other is None or (one.gguf_file, one.revision) != (other.gguf_file, other.revision):
        return False
    if one.folder is None or other.folder is None:
        return one == other
    return one.folder.resolve() == other.folder.resolve()


def place_weights(models: Iterable[nn.Module], device: torch.device) -> None:
    """Copy parameters to a device, tensor by tensor; parameters that share memory still do so afterwards.

    On a CPU, too: a mapped file is in small pages, which cause so many TLB misses that matrix products on a CPU take up
    to a third longer; torch's own memory may be in huge pages (`THP_MEM_ALLOC_ENABLE`, set by the command `distill`).
    """
    sharing: dict[tuple[int, torch.Size], list[nn.Parameter]] = defaultdict(list)
    for model in models:
        for parameter in model.parameters():
            sharing[parameter.data_ptr(), parameter.shape].append(parameter)
    for parameters in sharing.values():
        placed: Tensor = parameters[0].data.to(device, copy=True)
        for parameter in parameters:
            parameter.data = placed
