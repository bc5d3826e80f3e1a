"""Tokenizers: loaded, checked, and compared."""

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from distill.errors import UserError
from distill.models.loading import load_pretrained
from distill.models.source import ModelSource, check_model

_TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken")


def load_tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """Load a tokenizer, fast or slow.

    Raises:
        UserError: If it cannot be loaded, or has only special tokens.
    """
    tokenizer = load_pretrained("tokenizer", AutoTokenizer, source)
    # If there is none, transformers makes one of special tokens alone.
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise UserError(
            f"{source.path}: its tokenizer has no tokens but special ones: save the model's own tokenizer there"
        )
    return tokenizer


def load_fast_tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """Load a tokenizer for packing: it must report character offsets and be able to end a document.

    Raises:
        UserError: If there is none, it is a slow one, or it has no end-of-text token.
    """
    if not _has_tokenizer(source):
        check_model(source)
        raise UserError(
            f"there is no tokenizer in {source.path!r}, only a model: save one there, or give --model.tokenizer "
            "FOLDER_OR_HUB_ID"
        )
    tokenizer = load_tokenizer(source)
    if not tokenizer.is_fast:
        raise UserError(
            f"tokenizer {source.path!r} reports no character offsets: use its fast version (tokenizer.json)"
        )
    if tokenizer.eos_token_id is None:
        raise UserError(f"tokenizer {source.path!r} has no eos_token, which separates documents: set one")
    return tokenizer


def tokenizer_of_model(source: ModelSource) -> PreTrainedTokenizerBase | None:
    """Load the tokenizer that was saved with a model; None if a folder holds only the model.

    Raises:
        UserError: If `load_fast_tokenizer` refuses it.
    """
    return load_fast_tokenizer(source) if _has_tokenizer(source) else None


def _has_tokenizer(source: ModelSource) -> bool:
    """Whether a folder has a tokenizer's files; a GGUF file contains one, and a hub id is only checked on loading."""
    if source.folder is None or source.gguf_file is not None:
        return True
    return any(any(source.folder.glob(name)) for name in _TOKENIZER_FILES)


def check_same_vocabulary(one: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase, names: tuple[str, str]) -> None:
    """Check that every token has the same id in both vocabularies; equal sizes prove nothing.

    Args:
        one: A tokenizer.
        other: Another tokenizer.
        names: Their names in error messages.

    Raises:
        UserError: If a token differs; the first one is named.
    """
    ours, theirs = one.get_vocab(), other.get_vocab()
    if ours == theirs:
        return
    token = min((ours.items() ^ theirs.items()), key=lambda item: item[1])[0]
    raise UserError(
        f"the vocabularies of {names[0]} and {names[1]} differ: token {token!r} is "
        f"{ours.get(token, 'missing')} in the first and {theirs.get(token, 'missing')} in the second; "
        "distillation needs one vocabulary"
    )
