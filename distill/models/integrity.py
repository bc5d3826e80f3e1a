"""Checks that a model's weights are complete and finite: transformers fills missing ones with noise and only warns."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from distill.errors import UserError
from distill.models.security import NO_CODE, check_kernels, check_pickles
from distill.models.source import ModelSource, check_model, weight_files


def check_files(source: ModelSource) -> None:
    """Refuse, before anything is loaded, a model that would run code or whose weights cannot be complete.

    No weights are read, so that this takes moments. A GGUF file is only checked on loading; of a hub id, only the
    kernels are checked here.

    Args:
        source: Where the model is.

    Raises:
        UserError: If the configuration is missing or names a kernel, or weights are pickled, damaged or missing.
    """
    if source.gguf_file is not None:
        return
    check_model(source)
    check_kernels(source)
    check_pickles(source)
    if source.folder is None:
        return
    files = weight_files(source.folder)
    for file in files:
        try:
            with safe_open(file, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise UserError(f"{file}: truncated or corrupt ({error}); fetch or save the model again") from error
    if files:
        _check_size(source, files)


def _check_size(source: ModelSource, files: list[Path]) -> None:
    """Refuse a configuration that asks for more parameters than the files hold.

    This happens before anything is loaded, since there might be no memory for what is missing. Quantised weights, and
    files that cannot be read, are only checked on loading.
    """
    try:
        sizes = [size for file in files for size in _tensor_sizes(file)]
        config = AutoConfig.from_pretrained(source.location, **NO_CODE)
        if getattr(config, "quantization_config", None) is not None:
            return
        # Layers are built one by one even on the meta device: an absurd depth would take forever.
        too_deep = (getattr(config.get_text_config(), "num_hidden_layers", None) or 0) > len(sizes)
        wanted = 0 if too_deep else _parameter_count(config)
    except Exception:  # of any library: loading meets the same error and reports it
        return
    if too_deep or wanted > sum(sizes):
        what = "more layers than there are tensors" if too_deep else f"{wanted:,} parameters"
        raise UserError(
            f"{source.path}: its configuration asks for {what}, and its *.safetensors hold {sum(sizes):,} numbers; "
            "files are missing, or belong to another model"
        )


def check_complete(source: ModelSource, model: PreTrainedModel, missing: Iterable[str]) -> None:
    """Refuse a loaded model if weights are missing or not finite.

    Args:
        source: Where it was loaded from, for error messages.
        model: The model.
        missing: Names of the weights that no file held.

    Raises:
        UserError: If a weight is missing or not finite; the first one is named.
    """
    missing = sorted(missing)
    if missing:
        raise UserError(
            f"{source.path}: its files hold no {missing[0]} ({len(missing)} tensors are missing); fetch or save the "
            "model again"
        )
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise UserError(f"{source.path}: {name} is not finite; its weights are damaged, or overflow their dtype")


def first_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[str, str, str] | None:
    """Compare the names and shapes of two models' tensors.

    Returns:
        For the first tensor by name that differs: its name, and its shape in each model as text; None if none does.
    """
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in (one, other)]
    differing = shapes[0].items() ^ shapes[1].items()
    if not differing:
        return None
    name = min(name for name, _ in differing)
    there, here = (str(list(state[name])) if name in state else "missing" for state in shapes)
    return name, there, here


def _tensor_sizes(file: Path) -> Iterable[int]:
    with safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118 -- it is not a dictionary
            size = 1
            for length in tensors.get_slice(name).get_shape():
                size *= length
            yield size


def _parameter_count(config: Any) -> int:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, **NO_CODE)
    return sum(parameter.numel() for parameter in model.parameters())
