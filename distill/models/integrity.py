"""Are a model's weights all there, and numbers? transformers fills what is missing with noise, and only warns."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from distill.errors import UserError
from distill.models.security import NO_CODE, check_trust
from distill.runtime.paths import expand_user


def check_files(path: str) -> None:
    """Refuse a folder that is not to be trusted, or whose weights are damaged or another model's: quick, before
    anything slow begins.

    Raises:
        UserError: they are; a hub id is left to the loading.
    """
    check_trust(path)
    folder = expand_user(path)
    for file in sorted(folder.glob("*.safetensors")) if folder.is_dir() else []:
        try:
            with safe_open(file, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise UserError(f"{file}: damaged, or cut short ({error}); fetch or save the model again") from error
    check_size(path)


def check_size(path: str) -> None:
    """Refuse a folder whose configuration asks for more parameters than its safetensors files hold.

    Before anything is loaded: the memory for what is missing might not be there. Hub ids, quantised weights and what
    cannot be read are left to the loading.

    Raises:
        UserError: weights are missing.
    """
    folder = expand_user(path)
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    if not files or not (folder / "config.json").is_file():
        return
    try:
        sizes = [size for file in files for size in _sizes(file)]
        config = AutoConfig.from_pretrained(folder, **NO_CODE)
        if getattr(config, "quantization_config", None) is not None:
            return
        # Empty blocks are made one by one, so that a depth out of all proportion is not even tried.
        too_deep = (getattr(config.get_text_config(), "num_hidden_layers", None) or 0) > len(sizes)
        asked = 0 if too_deep else _parameters(config)
    except Exception:  # of whatever library: the loading meets the same and tells it
        return
    if too_deep or asked > sum(sizes):
        wanted = "more blocks than there are tensors" if too_deep else f"{asked:,} parameters"
        raise UserError(
            f"{path}: its configuration asks for {wanted}, and its *.safetensors hold {sum(sizes):,} numbers; files "
            "are missing, or another model's"
        )


def check_complete(path: str, model: PreTrainedModel, missing: Iterable[str]) -> None:
    """Refuse a loaded model with weights that no file held (`missing`), or that are no finite numbers.

    Raises:
        UserError: naming the first of them.
    """
    missing = sorted(missing)
    if missing:
        raise UserError(f"{path}: its files hold no {missing[0]} ({len(missing)} tensors are missing)")
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise UserError(f"{path}: {name} holds numbers that are not finite; its weights are damaged")


def first_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> tuple[str, str, str] | None:
    """The first tensor, by name, that two models don't share: name, and shape in each, in words; None without any."""
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in (one, other)]
    differing = shapes[0].items() ^ shapes[1].items()
    if not differing:
        return None
    name = min(name for name, _ in differing)
    there, here = (str(list(state[name])) if name in state else "missing" for state in shapes)
    return name, there, here


def _sizes(file: Path) -> Iterable[int]:
    with safe_open(file, framework="pt") as tensors:
        for name in tensors.keys():  # noqa: SIM118 -- it is no dictionary
            size = 1
            for length in tensors.get_slice(name).get_shape():
                size *= length
            yield size


def _parameters(config: Any) -> int:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, **NO_CODE)
    return sum(parameter.numel() for parameter in model.parameters())
