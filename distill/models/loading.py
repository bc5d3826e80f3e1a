"""Load a model from a folder, the hub or a GGUF file: one loader for training, preview and evaluation."""

import re
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.activations import ACT2FN

from distill.errors import UserError
from distill.models.integrity import check_complete, check_files
from distill.models.output_head import check_head, check_trainable_head
from distill.models.security import NO_CODE, NO_PICKLES, check_kernels
from distill.models.source import ModelSource, check_model


def load_config(source: ModelSource) -> PreTrainedConfig:
    """Load the configuration of a model, without its weights.

    Raises:
        UserError: If there is none, it cannot be read, or it asks for a kernel from the hub.
    """
    check_model(source)
    config = load_pretrained("model configuration", AutoConfig, source)
    if source.gguf_file is None:
        check_kernels(source)
    return config


def load_model(source: ModelSource, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Load a causal language model; a GGUF file is dequantised.

    Args:
        source: Where the model is.
        dtype: Of the weights in memory.

    Raises:
        UserError: If it cannot be read, would run code, is incomplete, or its weights are not finite.
    """
    check_files(source)
    weights = NO_PICKLES if source.gguf_file is None else {"quantization_config": _dequantising()}
    model, loading = load_pretrained(
        "causal language model", AutoModelForCausalLM, source, output_loading_info=True, dtype=dtype, **weights
    )
    check_complete(source, model, loading["missing_keys"])
    # A dequantised model is dense; with this leftover, every copy of its configuration would ask for GGUF again.
    if getattr(model.config, "quantization_config", None) is not None:
        del model.config.quantization_config
    return model


def load_teacher(source: ModelSource, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """Load a teacher: frozen, in evaluation mode.

    Args:
        source: Where the model is.
        dtype: Of the weights in memory.

    Raises:
        UserError: If `load_model` refuses it, or the loss cannot compute its logits from its hidden states.
    """
    model = load_model(source, dtype)
    check_trainable_head(model, source.path)
    check_head(model, source.path)
    fuse_activations(model)
    return model.eval().requires_grad_(False)


def load_pretrained(what: str, loader: Any, source: ModelSource, **options: Any) -> Any:
    """Call a `from_pretrained` of transformers; any error that it raises becomes one line.

    Args:
        what: What is loaded, for error messages.
        loader: An Auto class of transformers.
        source: Where it is.
        options: Further arguments of `from_pretrained`.

    Raises:
        UserError: If it cannot be loaded.
    """
    if source.gguf_file is not None:
        options["gguf_file"] = source.gguf_file
    try:
        return loader.from_pretrained(source.location, revision=source.revision or "main", **NO_CODE, **options)
    except Exception as error:  # of any library
        reason = re.split(r"\.\s|\n", str(error).strip(), maxsplit=1)[0] or type(error).__name__
        where = "there is no such folder, and from the hub: " if source.folder is None else ""
        raise UserError(
            f"{source.path}: no {what} could be loaded ({where}{reason}); give a folder with config, weights and "
            "tokenizer, or a Hugging Face id"
        ) from error


def fuse_activations(model: PreTrainedModel) -> None:
    """Compute GPT-2's `gelu_new`, which transformers spells out in eight operations, in one, as `gelu_pytorch_tanh`.

    It is the same function up to the last bits, but faster and with less memory for its gradient. The configuration is
    left unchanged.
    """
    unfused = type(ACT2FN["gelu_new"])
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is unfused:
                setattr(module, name, ACT2FN["gelu_pytorch_tanh"])


def _dequantising() -> Any:
    """The `quantization_config` that makes `from_pretrained` turn a GGUF file into a dense model."""
    try:
        from transformers import GgufConfig
    except ImportError:  # before transformers 5.20 every GGUF file was dequantised
        return None
    return GgufConfig(dequantize=True)
