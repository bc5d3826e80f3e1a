"""A saved causal language model, loaded to be scored."""

import hashlib
import inspect
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Literal

import torch
import yaml
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from augment.runtime.error_text import first_line
from distill.errors import UserError
from distill.models.loading import load_model
from distill.models.output_head import block_limit, check_head, output_head
from distill.models.source import ModelSource, check_model, weight_files
from distill.models.tokenizers import load_tokenizer

Dtype = Literal["float32", "bfloat16", "float16"]

_DECIDING = (
    *("config.json", "generation_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
"""Files that a continuation depends on, beside the weights and the tokenizer's own."""

_TOKENISED_AT_ONCE = 1024
"""Texts that are tokenised together when their tokens are counted."""


@dataclass(frozen=True)
class ScoredModel:
    """A model and its tokenizer, in evaluation mode.

    Attributes:
        model: The model.
        tokenizer: Its tokenizer.
        name: A short name for tables, as of `model_name`.
        path: The path or hub id, as given.
        sha256: Digest of the files that its weights were read from, in the order of their names; of one file: what
            `sha256sum` prints.
        identity: Digest of the weights and of all other files that a continuation depends on.
        context: The most tokens it can read at once; None if its configuration does not say.
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
        """Where the model computes."""
        return self.model.device

    @property
    def parameters(self) -> int:
        """Number of parameters, tied ones once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def encode(self, text: str) -> list[int]:
        """Token ids of a text that may go on: with the special tokens that go before it, and none behind."""
        tokens = self.tokenizer(text, verbose=False)["input_ids"]
        return tokens[: len(tokens) - self._closing_tokens]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens of each text, as `encode` makes them."""
        # Piece by piece: a tokenizer's output takes hundreds of times the memory of the counts.
        starts = range(0, len(texts), _TOKENISED_AT_ONCE)
        pieces = (list(texts[start : start + _TOKENISED_AT_ONCE]) for start in starts)
        return [
            len(tokens) - self._closing_tokens
            for piece in pieces
            for tokens in self.tokenizer(piece, verbose=False)["input_ids"]
        ]

    @cached_property
    def _closing_tokens(self) -> int:
        """How many special tokens the tokenizer puts behind a text."""
        special = self.tokenizer("a", return_special_tokens_mask=True, verbose=False)["special_tokens_mask"]
        return sum(1 for _ in takewhile(bool, reversed(special)))

    @property
    def start_token(self) -> int | None:
        """The token before a document: BOS, or else EOS; None where the tokenizer has neither."""
        token = self.tokenizer.bos_token_id
        return self.tokenizer.eos_token_id if token is None else token

    @property
    def end_tokens(self) -> set[int]:
        """The tokens that end a text; empty where neither model nor tokenizer names one."""
        configured = self.model.generation_config.eos_token_id if self.model.generation_config else None
        ends = self.tokenizer.eos_token_id if configured is None else configured
        if ends is None:
            return set()
        return set(ends) if isinstance(ends, list) else {ends}

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits `[tokens, vocabulary]`, fp32 out of the matrix product, of hidden states `[tokens, features]`."""
        return output_head(self.model).logits(hidden)


def load_scored_model(source: ModelSource, device: str = "auto", dtype: Dtype = "float32") -> ScoredModel:
    """Load a model and its tokenizer.

    Args:
        source: Where they lie.
        device: Where to; `auto`: the GPU if there is one.
        dtype: Of the weights in memory.

    Raises:
        UserError: If the model or its tokenizer cannot be loaded, the device is not available, an end of texts is not a
            token, or logits are not finite or do not follow from hidden states by the output head.
    """
    place = _device(device)
    check_model(source)
    tokenizer = load_tokenizer(source)
    model = load_model(source, getattr(torch, dtype))
    _check_end_tokens(model, source.path)
    # Scoring pads on the right, where a causal model never looks; transformers would warn of a missing mask.
    model.config.pad_token_id = None
    model = model.to(place).eval().requires_grad_(False)
    check_head(model, source.path)
    folder = source.local_folder()
    weights = _digest(weight_files(folder, source.gguf_file))
    return ScoredModel(
        model=model,
        tokenizer=tokenizer,
        name=model_name(source.location, source.gguf_file),
        path=source.path,
        sha256=weights,
        identity=_identity(weights, folder, tokenizer),
        context=block_limit(model.config),
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"--device {name}: not available ({first_line(error)}); try auto") from error


def _check_end_tokens(model: PreTrainedModel, path: str) -> None:
    ends = model.generation_config.eos_token_id if model.generation_config else None
    # Ids beyond the vocabulary are let through: they never come, and models cut down from larger ones name them.
    listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if not all(type(end) is int and abs(end) < 2**63 for end in listed):
        raise UserError(
            f"{path}: its eos_token_id is {ends!r:.60}, which is not a token; fix generation_config.json or config.json"
        )


def takes_positions(model: PreTrainedModel) -> bool:
    """Whether the model takes `position_ids`; one without positions of its own does not."""
    return "position_ids" in inspect.signature(model.base_model.forward).parameters


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


def non_finite_error(scored_model: ScoredModel, tokens: Sequence[int]) -> UserError:
    """The error for a model whose log-probabilities of a text are NaN or infinite."""
    text = " ".join(scored_model.tokenizer.decode(list(tokens)).split())
    return UserError(
        f"{scored_model.path}: its probabilities of {text[:60]!r} are not finite; its weights are damaged, or need "
        "--dtype float32"
    )


def model_name(path: str, gguf_file: str | None) -> str:
    """A short name for tables: the hub id, the GGUF file's name, or the folder's.

    A fit writes OUTPUT/student, so that students are called by the name of their output; but by both names where the
    teacher may be called like the output, such as gpt2/student in outputs/gpt2/student.
    """
    if gguf_file:
        return Path(gguf_file).stem
    folder = Path(path)
    if not folder.is_dir():
        return path
    folder = folder.resolve()
    if folder.name != "student":
        return folder.name
    return folder.parent.name if _has_name_of_its_own(folder.parent) else f"{folder.parent.name}/{folder.name}"


def _has_name_of_its_own(run: Path) -> bool:
    """Whether a run's configuration says that its teacher has another name."""
    try:
        teacher = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["model"]["teacher"]
        return run.name not in (Path(teacher["path"] or "").name, Path(teacher["gguf_file"] or "").stem)
    except Exception:  # any folder may be called student, whatever lies beside it
        return False
