"""What is never run, wherever a model comes from: its own code, kernels from the hub, and pickled weights."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from transformers import PreTrainedConfig

from augment.runtime.error_text import first_line
from distill.errors import UserError
from distill.models.source import ModelSource

# transformers would otherwise ask a service on the hub to convert models with pickled weights only.
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")

NO_CODE: dict[str, Any] = {"trust_remote_code": False}
"""For every `from_pretrained`: a model whose configuration names its own code is refused without a prompt."""

NO_PICKLES: dict[str, Any] = {"use_safetensors": True}
"""For every `from_pretrained` that reads weights, unless from GGUF."""


def check_kernels(source: ModelSource) -> None:
    """Refuse a configuration that asks for a kernel from the hub.

    Args:
        source: A folder, whose unreadable configuration is only reported on loading, or a hub id, whose configuration
            is fetched.

    Raises:
        UserError: If the configuration names a kernel, or that of a hub id cannot be read.
    """
    try:
        config, _ = PreTrainedConfig.get_config_dict(source.location, revision=source.revision or "main")
    except Exception as error:  # of any library
        if source.folder is not None:
            return
        reason = first_line(error)
        raise UserError(f"{source.path}: its config.json cannot be read ({reason})") from error
    for name, value in _implementations(config):
        if _is_fetched(value):
            raise UserError(
                f"{source.path}: its config.json asks for code from the hub ({name}: {value!r}), which is not run; "
                "remove that setting"
            )


def check_pickles(source: ModelSource) -> None:
    """Refuse a folder with pickled weights only; from the hub, only safetensors are loaded.

    Raises:
        UserError: If there is a pickle and no safetensors file.
    """
    if source.folder is None:
        return
    pickled = next(iter(sorted(source.folder.glob("*.bin"))), None)
    if pickled is not None and not any(source.folder.glob("*.safetensors")):
        raise UserError(
            f"{source.path}: its weights are a pickle ({pickled.name}), which is not read, and there is no "
            "*.safetensors file; if you trust it, convert it with "
            "AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder)"
        )


def _is_fetched(implementation: str) -> bool:
    # transformers reads `owner/repository` as a kernel on the hub, and replaces a flash attention that is not
    # installed with one.
    installed = any(find_spec(module) for module in ("flash_attn", "flash_attn_interface"))
    return "/" in implementation or ("flash_attention" in implementation and not installed)


def _implementations(config: Any) -> Iterator[tuple[str, str]]:
    """The strings of a configuration, at any depth, that name an implementation of attention or experts."""
    remaining = [("", config)]
    while remaining:
        name, value = remaining.pop()
        if isinstance(value, dict):
            # As a dictionary, the setting holds a value for each part of the model.
            remaining += [(name if "_implementation" in name else key, child) for key, child in value.items()]
        elif isinstance(value, str) and "_implementation" in name:
            yield name, value
