"""What is never run, whoever a model came from: code of its own, kernels from the hub, and pickled weights."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig

from augment.runtime.error_text import first_line
from distill.errors import UserError
from distill.runtime.paths import expand_user

# transformers would otherwise ask a service on the hub to convert what has pickled weights only.
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")

NO_CODE: dict[str, Any] = {"trust_remote_code": False}
"""For every `from_pretrained`: a model whose configuration names code of its own is refused, without a question."""

NO_PICKLES: dict[str, Any] = {**NO_CODE, "use_safetensors": True}
"""For every `from_pretrained` that reads weights, unless from GGUF."""


def check_trust(path: str) -> None:
    """Refuse a folder that would have something run, before anything of it is built.

    What a hub id names is fetched by the loading, which reads no pickle, and asks `check_kernels`.

    Raises:
        UserError: its configuration names a kernel, or its weights are pickled only.
    """
    folder = expand_user(path)
    if folder.is_dir():
        check_kernels(str(folder))
        _check_weights(folder)


def check_kernels(path: str, revision: str | None = None) -> None:
    """Refuse a folder or a hub id whose configuration would have a kernel of the hub run.

    Raises:
        UserError: it would, or a hub id has no configuration; a folder without one is left to the loading.
    """
    folder = expand_user(path)
    try:
        config, _ = PreTrainedConfig.get_config_dict(str(folder), revision=revision or "main")
    except Exception as error:  # of whatever library
        if folder.is_dir():
            return
        reason = first_line(error)
        raise UserError(f"{path}: its config.json can't be read ({reason})") from error
    for name, value in _implementations(config):
        if _is_fetched(value):
            raise UserError(
                f"{path}: its config.json asks for code from the hub ({name}: {value!r}), which is not run; take the "
                "setting out of it"
            )


def _is_fetched(implementation: str) -> bool:
    # transformers takes `owner/repository` as a kernel of the hub, and has one in place of a flash attention that is
    # not installed.
    installed = any(find_spec(module) for module in ("flash_attn", "flash_attn_interface"))
    return "/" in implementation or ("flash_attention" in implementation and not installed)


def _implementations(config: Any) -> Iterator[tuple[str, str]]:
    """The texts of a configuration, at any depth, that say by what attention or experts are computed."""
    left = [("", config)]
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            # As a dictionary, the setting holds a value for each part of the model.
            left += [(name if "_implementation" in name else key, child) for key, child in value.items()]
        elif isinstance(value, str) and "_implementation" in name:
            yield name, value


def _check_weights(folder: Path) -> None:
    pickled = next(iter(sorted(folder.glob("*.bin"))), None)
    if pickled is not None and not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{folder}: its weights are a pickle ({pickled.name}), which is not read, and no *.safetensors file; "
            "if you trust it, convert it by AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder)"
        )
