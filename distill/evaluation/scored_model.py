"""A saved causal language model, loaded to be measured."""

import hashlib
import inspect
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from augment.documents import lies_in_a_folder
from augment.runtime.error_text import first_line
from distill.errors import UserError
from distill.models.integrity import check_complete, check_size
from distill.models.loading import dequantising
from distill.models.security import NO_CODE, NO_PICKLES, check_kernels, check_trust
from distill.models.tokenizers import check_tokens
from distill.runtime.paths import expand_user

Dtype = Literal["float32", "bfloat16", "float16"]

_HUB_ID = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?")

_DECIDING = (
    *("config.json", "generation_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
"""Files that decide about a continuation, beside the weights and the tokenizer's own."""

_COUNTED = 1024
"""Texts that are tokenised at a time to count their tokens."""


@dataclass(frozen=True)
class Checkpoint:
    """A model and its tokenizer, in evaluation mode.

    Attributes:
        model: The model.
        tokenizer: Its tokenizer.
        name: A short name for tables, as of `model_name`.
        path: The path or hub id, as given.
        sha256: Digest of its weights' files in the order of their names; of one file: what `sha256sum` prints.
        identity: Digest of the weights and of all that stands beside them and decides about what the model says.
        context: The most tokens it can read at once; None if it does not say.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    path: str
    sha256: str
    identity: str
    context: int | None

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def parameters(self) -> int:
        """Number of parameters, tied ones once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, with whatever the tokenizer puts before one, and nothing behind it: there it goes on."""
        tokens = self.tokenizer(text, verbose=False)["input_ids"]
        return tokens[: len(tokens) - self._closing]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Token ids of each text, counted."""
        # Piece by piece: what a tokenizer makes beside the ids is hundreds of times larger than their number.
        pieces = (list(texts[start : start + _COUNTED]) for start in range(0, len(texts), _COUNTED))
        return [
            len(tokens) - self._closing
            for piece in pieces
            for tokens in self.tokenizer(piece, verbose=False)["input_ids"]
        ]

    @cached_property
    def _closing(self) -> int:
        """How many special tokens the tokenizer puts behind a text."""
        special = self.tokenizer("a", return_special_tokens_mask=True, verbose=False)["special_tokens_mask"]
        return sum(1 for _ in takewhile(bool, reversed(special)))

    def beginning(self) -> int | None:
        """The token that stands before a document: BOS, else EOS, else None."""
        token = self.tokenizer.bos_token_id
        return self.tokenizer.eos_token_id if token is None else token

    def ends(self) -> set[int]:
        """The tokens that end a text; empty if the model knows none."""
        configured = self.model.generation_config.eos_token_id if self.model.generation_config else None
        ends = self.tokenizer.eos_token_id if configured is None else configured
        if ends is None:
            return set()
        return set(ends) if isinstance(ends, list) else {ends}

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits `[tokens, vocabulary]`, fp32 out of the matrix product, of hidden states `[tokens, features]`."""
        return _head(self.model, hidden)


def load_checkpoint(
    path: str, gguf_file: str | None = None, device: str = "auto", dtype: Dtype = "float32"
) -> Checkpoint:
    """Load a model and its tokenizer.

    Args:
        path: Folder, hub id, or GGUF file.
        gguf_file: Name of a GGUF file in the folder or on the hub; it is dequantised.
        device: Where to; `auto`: the GPU if there is one.
        dtype: Of the weights in memory.

    Raises:
        UserError: If there is no such model, it cannot be read, its texts end with what is no token, or its logits are
            no finite numbers or not its hidden states times a matrix.
    """
    check_model(path, gguf_file)
    given, (path, gguf_file) = path, _folder_and_gguf(path, gguf_file)
    options: dict[str, Any] = {"dtype": getattr(torch, dtype)}
    named = {"gguf_file": gguf_file} if gguf_file else {}
    if gguf_file:
        options |= NO_CODE | {"quantization_config": dequantising()}
    else:
        check_trust(path)
        check_size(path)
        options |= NO_PICKLES
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **named, **NO_CODE)
        check_tokens(tokenizer, given)
        if not gguf_file:
            check_kernels(path)
        model, loading = AutoModelForCausalLM.from_pretrained(path, output_loading_info=True, **named, **options)
    except UserError:
        raise
    except Exception as error:
        reason = first_line(error)
        raise UserError(
            f"{given}: no causal language model could be loaded ({reason}); give a folder with config, weights and "
            f"tokenizer, or a Hugging Face id"
        ) from error
    check_complete(given, model, loading["missing_keys"])
    _check_ends(model, given)
    # Scoring pads on the right, where a causal model never looks; transformers would warn of a missing mask.
    model.config.pad_token_id = None
    model = model.to(_device(device)).eval().requires_grad_(False)
    _check_head(model, given)
    folder = _folder(path)
    weights = _digest([folder / gguf_file] if gguf_file else sorted(folder.glob("*.safetensors")))
    return Checkpoint(
        model=model,
        tokenizer=tokenizer,
        name=model_name(path, gguf_file),
        path=given,
        sha256=weights,
        identity=_identity(weights, folder, tokenizer),
        context=getattr(model.config.get_text_config(), "max_position_embeddings", None),
    )


def check_model(path: str, gguf_file: str | None = None) -> None:
    """Refuse at once, before anything is loaded, what is plainly no model; a hub id is left to the loading.

    Raises:
        UserError: If the folder does not exist or holds no model.
    """
    folder = expand_user(path)
    if path and folder.is_dir():
        needed = gguf_file or "config.json"
        if not (folder / needed).is_file():
            raise UserError(f"{path}: holds no {needed}; give the folder of a saved model, such as <output>/student")
    elif folder.is_file():
        if gguf_file or folder.suffix != ".gguf":
            raise UserError(f"{path}: is a file; give the folder of a saved model, a .gguf file, or a Hugging Face id")
    elif not _HUB_ID.fullmatch(path) or lies_in_a_folder(path):
        raise UserError(f"{path}: no such folder; give the folder of a saved model, or a Hugging Face id")


def _folder_and_gguf(path: str, gguf_file: str | None) -> tuple[str, str | None]:
    file = expand_user(path)
    return (str(file.parent), file.name) if file.is_file() else (str(file), gguf_file)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {name}: not to be had here ({first_line(error)}); try auto") from error


def _head(model: PreTrainedModel, hidden: Tensor) -> Tensor:
    head = model.get_output_embeddings()
    # This way round, a matrix product is up to half as fast again on a CPU, where the vocabulary is large.
    logits = (head.weight.float() @ hidden.float().T).T.contiguous()
    return logits if getattr(head, "bias", None) is None else logits + head.bias.float()


def _check_ends(model: PreTrainedModel, path: str) -> None:
    ends = model.generation_config.eos_token_id if model.generation_config else None
    # Tokens that the model doesn't have are let through: they never come, and small models of real ones name them.
    listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if not all(type(end) is int and abs(end) < 2**63 for end in listed):
        raise UserError(
            f"{path}: its eos_token_id is {ends!r:.60}, no token; mend generation_config.json or config.json"
        )


@torch.inference_mode()
def _check_head(model: PreTrainedModel, path: str) -> None:
    vocabulary = model.get_output_embeddings().weight.shape[0]
    tokens = torch.arange(4, device=model.device).remainder(vocabulary).unsqueeze(0)
    theirs = model(input_ids=tokens, use_cache=False).logits[0].float()
    if not theirs.isfinite().all():
        raise UserError(f"{path}: its logits are no finite numbers; its weights are damaged, or need --dtype float32")
    ours = _head(model, model.base_model(input_ids=tokens, use_cache=False).last_hidden_state[0])
    tolerance = 1e-3 if model.dtype == torch.float32 else 5e-2
    if not torch.allclose(theirs, ours, rtol=tolerance, atol=tolerance * float(theirs.abs().max())):
        raise UserError(
            f"{path}: its logits are more than hidden states times a matrix (a scale or a soft cap on them?), and such "
            f"models are not supported"
        )


def takes_positions(model: PreTrainedModel) -> bool:
    """Whether the model can be told the position of each token; those without positions of their own cannot."""
    return "position_ids" in inspect.signature(model.base_model.forward).parameters


def _folder(path: str) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(path, local_files_only=True))
    return folder


def _identity(weights: str, folder: Path, tokenizer: PreTrainedTokenizerBase) -> str:
    names = sorted({*_DECIDING, *tokenizer.vocab_files_names.values()})
    beside = {name: _digest([folder / name]) for name in names if (folder / name).is_file()}
    return hashlib.sha256(json.dumps([weights, beside]).encode()).hexdigest()


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            while block := content.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def not_finite(checkpoint: Checkpoint, tokens: Sequence[int]) -> UserError:
    """What is to be said of a model that makes NaN or infinity of a text."""
    text = " ".join(checkpoint.tokenizer.decode(list(tokens)).split())
    return UserError(
        f"{checkpoint.path}: its probabilities of {text[:60]!r} are no finite numbers; its weights are damaged, "
        "or need --dtype float32"
    )


def model_name(path: str, gguf_file: str | None) -> str:
    """The hub id, the GGUF file's name, or the last part of the path that tells.

    A fit writes <output>/student, so that the output's name is the one that tells students apart; but only together do
    they tell a student from a teacher of the output's name, such as outputs/gpt2/student from gpt2.
    """
    if gguf_file:
        return Path(gguf_file).stem
    folder = Path(path)
    if not folder.is_dir():
        return path
    folder = folder.resolve()
    if folder.name != "student":
        return folder.name
    return folder.parent.name if _tells(folder.parent) else f"{folder.parent.name}/{folder.name}"


def _tells(run: Path) -> bool:
    """Whether a run is known to bear another name than its teacher."""
    try:
        teacher = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["model"]["teacher"]
        return run.name not in (Path(teacher["path"] or "").name, Path(teacher["gguf_file"] or "").stem)
    except Exception:  # any folder may be called student, whatever lies beside it
        return False
