"""Load teacher and tokenizer; build the student out of the teacher's layers, from a folder, or fresh."""

import logging
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.activations import ACT2FN

from augment.documents import lies_in_a_folder
from distill.config import TeacherConfig
from distill.errors import UserError
from distill.models.integrity import check_complete, check_files
from distill.models.output_head import check_head
from distill.models.security import NO_CODE, NO_PICKLES, check_kernels
from distill.runtime.paths import expand_user

log = logging.getLogger(__name__)


def load_config(path: str, gguf_file: str | None = None, revision: str | None = None) -> PreTrainedConfig:
    """The configuration of a model, without its weights.

    Raises:
        UserError: there is none, or it would have a kernel of the hub run.
    """
    config = load_pretrained("model configuration", AutoConfig, path, gguf_file, revision)
    if gguf_file is None:
        check_kernels(path, revision)
    return config


def load_teacher(teacher: TeacherConfig) -> PreTrainedModel:
    """The frozen teacher in evaluation mode.

    Raises:
        UserError: it can't be read, or its logits are not hidden @ Wᵀ.
    """
    assert teacher.path is not None
    model = load_model(teacher.path, teacher.gguf_file, teacher.revision, getattr(torch, teacher.dtype))
    check_head(model, teacher.path)
    fuse_activations(model)
    return model.eval().requires_grad_(False)


def load_model(
    path: str, gguf_file: str | None = None, revision: str | None = None, dtype: torch.dtype = torch.float32
) -> PreTrainedModel:
    """A causal language model from a folder, the hub, or a GGUF file (dequantised).

    Raises:
        UserError: it can't be read.
    """
    extra: dict[str, Any] = {"dtype": dtype}
    if gguf_file is not None:
        extra["quantization_config"] = dequantising()
    else:
        check_files(path)
        if not _looks_local(path):
            check_kernels(path, revision)
        extra |= NO_PICKLES
    model, loading = load_pretrained(
        "model", AutoModelForCausalLM, path, gguf_file, revision, output_loading_info=True, **extra
    )
    check_complete(path, model, loading["missing_keys"])
    # A dequantised model is a dense one; the leftover would make every copy of its configuration ask for GGUF again.
    if getattr(model.config, "quantization_config", None) is not None:
        del model.config.quantization_config
    return model


def take_weights_into_memory(model: nn.Module) -> None:
    """Copy weights out of the file that they are mapped from, tensor by tensor.

    A mapped file lies in small pages, in which a CPU's products look up so many addresses that they take up to a third
    longer; torch's own memory may lie in huge ones (`THP_MEM_ALLOC_ENABLE`, set by the command `distill`).
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


def dequantising() -> Any:
    """The `quantization_config` that makes `from_pretrained` turn a GGUF file into a dense model."""
    try:
        from transformers import GgufConfig
    except ImportError:  # before transformers 5.20 every GGUF file was dequantised
        return None
    return GgufConfig(dequantize=True)


def load_pretrained(
    what: str, loader: Any, path: str, gguf_file: str | None, revision: str | None, **extra: Any
) -> Any:
    local = _looks_local(path)
    if local:
        folder = expand_user(path)
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {path!r} to read the {what} from; give that of a saved model, or a hub id"
            )
        if gguf_file is not None and not (folder / gguf_file).is_file():
            raise UserError(f"there is no file {gguf_file!r} in {path!r} to read the {what} from")
        path = str(folder)
    if gguf_file is not None:
        extra["gguf_file"] = gguf_file
    try:
        return loader.from_pretrained(path, revision=revision or "main", **{**NO_CODE, **extra})
    except Exception as error:
        reason = re.split(r"\.\s|\n", str(error).strip(), maxsplit=1)[0] or type(error).__name__
        where = "" if local else "there is no such folder, and from the hub: "
        raise UserError(f"{what} {path!r} can't be loaded: {where}{reason}") from error


def _looks_local(path: str) -> bool:
    """A hub id is `name` or `owner/name`; what starts like a path, goes deeper, or lies in a folder is a folder."""
    return (
        path.startswith((".", "/", "~"))
        or path.count("/") > 1
        or path.endswith("/")
        or Path(path).exists()
        or lies_in_a_folder(path)
    )


def fuse_activations(model: PreTrainedModel) -> None:
    """Compute GPT-2's `gelu_new`, which transformers writes out in eight steps, in one, as `gelu_pytorch_tanh`.

    The same function: faster, less memory for its gradient, different in the last bits; the configuration stays.
    """
    written_out = type(ACT2FN["gelu_new"])
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is written_out:
                setattr(module, name, ACT2FN["gelu_pytorch_tanh"])
