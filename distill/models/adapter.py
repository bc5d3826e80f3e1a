"""LoRA adapters (Hu et al. 2021, arXiv 2106.09685) by `peft`: added to the student, checked, saved, and merged.

They are injected into the model, not wrapped around it: a wrapper would hide the backbone that the loss reads.
"""

import hashlib
import warnings
from collections.abc import Mapping
from copy import copy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from distill.config import AdapterConfig, StudentConfig
from distill.errors import UserError
from distill.models.security import NO_CODE

_NAME = "default"
"""The adapter's name in `peft`, which keeps several in one model; there is never a second one here."""
_CHECKPOINT_KEY = "adapter"


def check_adapter(student: StudentConfig, config: PreTrainedConfig, teacher: PreTrainedConfig | None) -> None:
    """Refuse an adapter that cannot be trained or saved, before any weights are loaded.

    Args:
        student: The student's settings; nothing is checked without an adapter.
        config: Its configuration, of which a model without memory is built.
        teacher: The teacher's configuration; None without one.

    Raises:
        UserError: If `peft` is missing, a target is the head, an embedding or no linear layer, `peft` cannot adapt the
            architecture, or the adapter is to be kept and its base is no saved model.
    """
    if student.adapter.rank is None:
        return
    if find_spec("peft") is None:
        raise UserError(
            "model.student.adapter needs the package peft: pip install 'counterfactual-distill[adapters]', or leave "
            "the adapter out"
        )
    whole = student.layers is None or (teacher is not None and student.layers == [*range(teacher.num_hidden_layers)])
    if student.adapter.keep and not whole:
        raise UserError(
            "model.student.adapter.keep: an adapter for only some of the teacher's layers fits no saved model; set it "
            "to false, the student has the adapter merged"
        )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, **NO_CODE)
    add_adapter(model, student.adapter, seed=0)


def add_adapter(model: PreTrainedModel, settings: AdapterConfig, seed: int) -> None:
    """Add an adapter, which changes nothing until it is trained, and freeze everything else.

    Args:
        model: The model, changed in place.
        settings: The adapter's settings, with a rank.
        seed: Of the adapter's random half.

    Raises:
        UserError: If the model has an adapter already, a target is the head, an embedding or no linear layer, or `peft`
            cannot adapt the architecture.
    """
    from peft import LoraConfig, inject_adapter_in_model

    assert settings.rank is not None
    if hasattr(model, "peft_config"):
        raise UserError("model.student.path holds an adapter of its own: merge it into the model's weights first")
    names = target_layers(model, settings.targets)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=2 * settings.rank if settings.alpha is None else settings.alpha,  # type: ignore[arg-type] # any number
        target_modules=names,
        fan_in_fan_out=any(isinstance(model.get_submodule(name), Conv1D) for name in names),
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(seed)
        # Of fan_in_fan_out, which peft corrects for each layer by its type.
        warnings.filterwarnings("ignore", message="fan_in_fan_out is set")
        try:
            inject_adapter_in_model(config, model, _NAME)
        except ValueError as error:
            raise UserError(
                f"model.student.adapter: peft cannot adapt a {type(model).__name__} ({error}); choose other targets, "
                "or leave the adapter out"
            ) from error


def target_layers(model: PreTrainedModel, targets: list[str] | None) -> list[str]:
    """The full names of the linear layers to adapt.

    Args:
        model: The model.
        targets: Ends of their names, cut at a dot; None: all linear layers but the head.

    Raises:
        UserError: If a target is the head or an embedding, or matches no linear layer.
    """
    head = model.get_output_embeddings()
    modules = dict(model.named_modules())
    linear = {
        name: module
        for name, module in modules.items()
        if isinstance(module, nn.Linear | Conv1D) and module is not head
    }
    chosen = set(linear) if targets is None else set()
    for target in targets or ():
        named = {name for name in modules if f".{name}".endswith(f".{target}")}
        for name in named:
            if modules[name] is head or isinstance(modules[name], nn.Embedding):
                # An adapted layer's weight is its base's: the loss, and a tied embedding, would not see the adapter.
                raise UserError(
                    f"model.student.adapter.targets: {target} is the head or an embedding, which cannot be adapted; "
                    "name other layers"
                )
        if not named & set(linear):
            endings = sorted({name.rpartition(".")[2] for name in linear})
            raise UserError(
                f"model.student.adapter.targets: no linear layer's name ends in {target}; there are "
                f"{', '.join(endings)}"
            )
        chosen |= named & set(linear)
    return [name for name in linear if name in chosen]


def frozen_digest(model: PreTrainedModel) -> str:
    """SHA-256 of the frozen weights: their names, shapes, types and values, in whatever files they are saved."""
    total = hashlib.sha256()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            total.update(f"{name} {parameter.dtype} {[*parameter.shape]}".encode())
            values = parameter.detach().cpu().contiguous().flatten().view(torch.uint8)
            total.update(values.numpy().data)
    return total.hexdigest()


def keep_adapter_only(checkpoint: dict[str, Any], student: PreTrainedModel, base: str) -> None:
    """Leave only what is trained in a checkpoint, and add what it was trained on.

    Args:
        checkpoint: Lightning's, with the whole student in its state_dict; changed in place.
        student: The adapted student.
        base: The digest of its frozen weights.
    """
    trained = {f"student.{name}" for name, parameter in student.named_parameters() if parameter.requires_grad}
    checkpoint["state_dict"] = {
        name: checkpoint["state_dict"][name] for name in checkpoint["state_dict"] if name in trained
    }
    checkpoint[_CHECKPOINT_KEY] = {"base_sha256": base, "alpha": float(_settings(student).lora_alpha)}


def check_base(checkpoint: Mapping[str, Any], student: PreTrainedModel, base: str) -> None:
    """Refuse a checkpoint whose adapter was trained on other weights, or with another alpha.

    Args:
        checkpoint: The checkpoint.
        student: The adapted student.
        base: The digest of its frozen weights.

    Raises:
        UserError: If it was.
    """
    before = checkpoint.get(_CHECKPOINT_KEY)
    if not isinstance(before, dict):
        raise UserError(
            "the checkpoint holds no adapter; leave model.student.adapter out, or use another output folder"
        )
    if before.get("base_sha256") != base:
        raise UserError(
            f"the checkpoint's adapter was trained on other weights (sha256 {str(before.get('base_sha256'))[:12]}, "
            f"here {base[:12]}): give the teacher and model.student of that run, or another output folder"
        )
    alpha = float(_settings(student).lora_alpha)
    if before.get("alpha") != alpha:
        raise UserError(
            f"the checkpoint's adapter has alpha {before.get('alpha')} and this recipe {alpha}: set "
            "model.student.adapter.alpha as before, or use another output folder"
        )


def describe_adapter(model: PreTrainedModel) -> str:
    """The adapter's rank, alpha and targets in words."""
    settings = _settings(model)
    targets = sorted({name.rpartition(".")[2] for name, module in model.named_modules() if hasattr(module, "lora_A")})
    return f"LoRA of rank {settings.r}, alpha {settings.lora_alpha:g}, on {', '.join(targets)}"


def _settings(model: PreTrainedModel) -> Any:
    """The adapter's `peft.LoraConfig`."""
    return model.peft_config[_NAME]


def merged_state(model: PreTrainedModel) -> dict[str, Tensor]:
    """The state dict of the model without its adapter, with the adapter added to the weights that it adapts.

    The model stays as it is: its frozen tensors may be its teacher's.
    """
    from peft.tuners.lora import LoraLayer

    layers: dict[str, Any] = {name: module for name, module in model.named_modules() if isinstance(module, LoraLayer)}
    merged = {}
    for name, tensor in model.state_dict().items():
        if ".lora_" in name:
            continue
        layer = layers.get(name.removesuffix(".base_layer.weight"))
        with torch.no_grad():
            merged[name.replace(".base_layer.", ".")] = (
                tensor if layer is None else tensor + layer.get_delta_weight(_NAME)
            )
    return merged


def save_adapter(model: PreTrainedModel, base: str, folder: Path) -> None:
    """Save the adapter alone, in the format that `peft.PeftModel.from_pretrained` loads onto its base.

    Args:
        model: The adapted model.
        base: Folder or hub id of the model without the adapter.
        folder: Where the adapter's configuration and weights go.
    """
    from peft import get_peft_model_state_dict

    config = copy(_settings(model))
    config.base_model_name_or_path, config.inference_mode = base, True
    config.save_pretrained(str(folder))
    state = get_peft_model_state_dict(model, adapter_name=_NAME, save_embedding_layers=False)
    tensors = {f"base_model.model.{name}": tensor.cpu().contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
