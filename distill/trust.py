"""What is never run, whoever a model came from: code of its own, and pickled weights."""

import os
from pathlib import Path
from typing import Any

from distill.errors import UserError

# transformers would otherwise ask a service on the hub to convert what has pickled weights only.
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")

NO_CODE: dict[str, Any] = {"trust_remote_code": False}
"""For every `from_pretrained`: a model whose configuration names code of its own is refused, without a question."""

NO_PICKLES: dict[str, Any] = {**NO_CODE, "use_safetensors": True}
"""For every `from_pretrained` that reads weights, unless from GGUF."""


def check_weights(path: str) -> None:
    """Refuse a folder whose weights are pickled only; a hub id is left to the loading.

    Raises:
        UserError: they are; says how to convert them.
    """
    folder = Path(path).expanduser()
    pickled = next(iter(sorted(folder.glob("*.bin"))), None) if folder.is_dir() else None
    if pickled is not None and not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{path}: its weights are a pickle ({pickled.name}), which is not read, and no *.safetensors file; "
            "if you trust it, convert it by AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder)"
        )
