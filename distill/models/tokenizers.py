"""Tokenizers: loaded, checked, and compared."""

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from distill.errors import UserError
from distill.models.loading import load_pretrained
from distill.models.source import ModelSource, check_model

_TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken")


def load_tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """Load a tokenizer, fast or slow, that can spell a text.

    Raises:
        UserError: If it cannot be loaded, or has no tokens but special ones.
    """
    tokenizer = load_pretrained("tokenizer", AutoTokenizer, source)
    # Where there is none, transformers makes one of special tokens alone.
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise UserError(
            f"{source.path}: its tokenizer has no tokens but special ones: save the model's own tokenizer there"
        )
    return tokenizer


def load_fast_tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """Load a tokenizer that packing can work with: it reports character offsets and can end a document.

    Raises:
        UserError: If there is none, it is a slow one, or it has no end-of-text token.
    """
    if not _has_tokenizer(source):
        check_model(source)
        raise UserError(
            f"there is no tokenizer in {source.path!r}, only a model: save one there, or give --model.tokenizer "
            "another folder or a hub id"
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
    """Load the tokenizer that was saved with a model; None where a folder holds the model alone.

    Raises:
        UserError: If `load_fast_tokenizer` refuses it.
    """
    return load_fast_tokenizer(source) if _has_tokenizer(source) else None


def _has_tokenizer(source: ModelSource) -> bool:
    """Whether a folder holds a tokenizer's files; a GGUF file holds one itself, and a hub id is left to the loading."""
    if source.folder is None or source.gguf_file is not None:
        return True
    return any(any(source.folder.glob(name)) for name in _TOKENIZER_FILES)


def check_same_vocabulary(one: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase, names: tuple[str, str]) -> None:
    """Make sure that every token has the same id on both sides; equal sizes prove nothing.

    Args:
        one: A tokenizer.
        other: Another tokenizer.
        names: What an error calls the two.

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
