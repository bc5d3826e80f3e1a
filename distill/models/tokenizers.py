"""Tokenizers: loaded, checked, and compared."""

from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

from distill.errors import UserError
from distill.models.loading import load_pretrained
from distill.runtime.paths import expand_user

_TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken")


def load_tokenizer(path: str, gguf_file: str | None = None, revision: str | None = None) -> PreTrainedTokenizerBase:
    """A fast tokenizer (one that reports character offsets) from a folder or the hub.

    Raises:
        UserError: there is none, or it has no offsets or no end-of-text token.
    """
    folder = expand_user(path)
    if folder.is_dir() and not _holds_tokenizer(path, gguf_file):
        if not (folder / "config.json").is_file():
            raise UserError(f"{path!r} holds no model: give the folder of a saved one, such as OUTPUT/student")
        raise UserError(
            f"there is no tokenizer in {path!r}, only a model: save one there, or give --model.tokenizer another "
            "folder or a hub id"
        )
    tokenizer = load_pretrained("tokenizer", AutoTokenizer, path, gguf_file, revision)
    check_tokens(tokenizer, path)
    if not tokenizer.is_fast:
        raise UserError(f"tokenizer {path!r} reports no character offsets: use its fast version (tokenizer.json)")
    if tokenizer.eos_token_id is None:
        raise UserError(f"tokenizer {path!r} has no eos_token, which separates documents: set one")
    return tokenizer


def own_tokenizer(
    path: str, gguf_file: str | None = None, revision: str | None = None
) -> PreTrainedTokenizerBase | None:
    """The tokenizer that a model came with; None where a folder holds the model alone.

    Raises:
        UserError: it can't be used, see `load_tokenizer`.
    """
    return load_tokenizer(path, gguf_file, revision) if _holds_tokenizer(path, gguf_file) else None


def _holds_tokenizer(path: str, gguf_file: str | None) -> bool:
    folder = expand_user(path)
    return gguf_file is not None or not folder.is_dir() or any(any(folder.glob(name)) for name in _TOKENIZER_FILES)


def check_tokens(tokenizer: PreTrainedTokenizerBase, path: str) -> None:
    """Make sure that a tokenizer can spell a text: where there is none, transformers makes one of special tokens alone.

    Raises:
        UserError: it can't.
    """
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise UserError(
            f"the tokenizer of {path!r} has no tokens but special ones: save the model's own tokenizer there"
        )


def check_same_vocabulary(one: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase, names: tuple[str, str]) -> None:
    """Make sure that every token has the same id on both sides; equal sizes prove nothing.

    Raises:
        UserError: naming the first token that differs.
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
