"""A saved causal language model, loaded for evaluation."""

import hashlib
import json
from collections.abc import Sequence
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
from distill.models.source import ModelSource, check_model, digest, weight_files
from distill.models.tokenizers import load_tokenizer

Dtype = Literal["float32", "bfloat16", "float16"]

_DECIDING = (
    *("config.json", "generation_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
"""Files that a continuation depends on, in addition to the weights and the tokenizer's vocabulary files."""

_TOKENISED_AT_ONCE = 1024
"""Texts that are tokenised in one call when their tokens are counted."""


@dataclass(frozen=True)
class ScoredModel:
    """A model and its tokenizer, in evaluation mode.

    Attributes:
        model: The model.
        tokenizer: Its tokenizer.
        name: A short name for tables, from `model_name`.
        path: The path or hub id, as given.
        sha256: Digest of the files that the weights were read from, in the order of their names; see
            `distill.models.source.digest`.
        identity: Digest of the weights and of all other files that a continuation depends on.
        context_length: Context length in tokens; None if the model's configuration does not specify it.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    path: str
    sha256: str
    identity: str
    context_length: int | None

    @property
    def device(self) -> torch.device:
        """Device of the model."""
        return self.model.device

    @property
    def parameters(self) -> int:
        """Number of parameters; tied parameters count once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def encode(self, text: str) -> list[int]:
        """Tokenise a text to be continued: with leading special tokens, but without trailing ones."""
        tokens = self.tokenizer(text, verbose=False)["input_ids"]
        return tokens[: len(tokens) - self._closing_tokens]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens that `encode` produces for each text."""
        # Piece by piece, because a tokenizer's output takes hundreds of times the memory of the counts.
        starts = range(0, len(texts), _TOKENISED_AT_ONCE)
        pieces = (list(texts[start : start + _TOKENISED_AT_ONCE]) for start in starts)
        return [
            len(tokens) - self._closing_tokens
            for piece in pieces
            for tokens in self.tokenizer(piece, verbose=False)["input_ids"]
        ]

    @cached_property
    def _closing_tokens(self) -> int:
        """Number of special tokens that the tokenizer appends to a text."""
        special = self.tokenizer("a", return_special_tokens_mask=True, verbose=False)["special_tokens_mask"]
        return sum(1 for _ in takewhile(bool, reversed(special)))

    @property
    def start_token(self) -> int | None:
        """The token that precedes a document: BOS, or EOS if there is no BOS; None if the tokenizer has neither."""
        token = self.tokenizer.bos_token_id
        return self.tokenizer.eos_token_id if token is None else token

    @property
    def end_tokens(self) -> set[int]:
        """The end-of-text tokens; empty if neither the model nor the tokenizer specifies any."""
        configured = self.model.generation_config.eos_token_id if self.model.generation_config else None
        ends = self.tokenizer.eos_token_id if configured is None else configured
        if ends is None:
            return set()
        return set(ends) if isinstance(ends, list) else {ends}

    def logits(self, hidden: Tensor) -> Tensor:
        """Compute logits `[tokens, vocabulary]` in fp32 from hidden states `[tokens, features]`."""
        return output_head(self.model).logits(hidden)


def load_scored_model(source: ModelSource, device: str = "auto", dtype: Dtype = "float32") -> ScoredModel:
    """Load a model and its tokenizer.

    Args:
        source: The model and its tokenizer.
        device: Device to load the model onto; `auto` is the GPU if there is one.
        dtype: Data type of the weights in memory.

    Raises:
        UserError: If the model or its tokenizer cannot be loaded, the device is not available, an end-of-text token is
            not a token id, or the logits are not finite or are not the output head applied to the hidden states.
    """
    place = _device(device)
    check_model(source)
    tokenizer = load_tokenizer(source)
    model = load_model(source, getattr(torch, dtype))
    _check_end_tokens(model, source.path)
    # Scoring pads on the right, which a causal model never attends to; transformers would warn about a missing mask.
    model.config.pad_token_id = None
    # transformers' decorator of `to` loses the type of self.
    model = model.to(place).eval().requires_grad_(False)  # type: ignore[arg-type]
    check_head(model, source.path)
    folder = source.local_folder()
    weights = digest(weight_files(folder, source.gguf_file))
    return ScoredModel(
        model=model,
        tokenizer=tokenizer,
        name=model_name(source.location, source.gguf_file),
        path=source.path,
        sha256=weights,
        identity=_identity(weights, folder, tokenizer),
        context_length=block_limit(model.config),
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
    # Ids outside the vocabulary are accepted: they are never sampled, and models cut down from larger ones have them.
    listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if not all(type(end) is int and abs(end) < 2**63 for end in listed):
        raise UserError(
            f"{path}: its eos_token_id is {ends!r:.60}, which is not a token id; "
            "fix generation_config.json or config.json"
        )


def _identity(weights: str, folder: Path, tokenizer: PreTrainedTokenizerBase) -> str:
    names = sorted({*_DECIDING, *tokenizer.vocab_files_names.values()})
    digests = {name: digest([folder / name]) for name in names if (folder / name).is_file()}
    return hashlib.sha256(json.dumps([weights, digests]).encode()).hexdigest()


def non_finite_error(scored_model: ScoredModel, tokens: Sequence[int]) -> UserError:
    """Return the error for a model whose log-probabilities of a text are NaN or infinite."""
    text = " ".join(scored_model.tokenizer.batch_decode([list(tokens)])[0].split())
    return UserError(
        f"{scored_model.path}: its probabilities of {text[:60]!r} are not finite; its weights are damaged, or need "
        "--dtype float32"
    )


def model_name(path: str, gguf_file: str | None) -> str:
    """Return a short name for tables: the hub id, or the name of the GGUF file or the folder.

    A fit writes OUTPUT/student, so a student is named after the output folder; if the teacher may have the same name as
    that folder, by both names, such as gpt2/student for outputs/gpt2/student.
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
    """Return whether the run's configuration shows that its teacher has another name."""
    try:
        teacher = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["model"]["teacher"]
        return run.name not in (Path(teacher["path"] or "").name, Path(teacher["gguf_file"] or "").stem)
    except Exception:  # any folder may be called student, so config.yaml may be anything
        return False
