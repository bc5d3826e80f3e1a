"""The name of a packed text: a hash of all that changes it, the code included."""

import hashlib
import importlib
import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import tokenizers
from transformers import PreTrainedTokenizerBase

import augment
from augment import RoleReverser
from augment.documents import DocumentError, suffix_of
from distill.runtime.code_digest import code_digest, files_below, package_files

_MODULES = ("data.augmentation", "data.encoding", "data.packing", "data.packed_text", "runtime.seeding")
"""Modules of `distill` whose code determines what is written."""


def cache_key(
    sources: Sequence[str], field: str, augmentation: str, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase
) -> str:
    """Hash the sources, the settings, the tokenizer and the code.

    Args:
        sources: Local files enter with their bytes and the suffixes that decide how they are read, hub sets with their
            names.
        field: Column of the text.
        augmentation: With the seed, if it matters.
        reverser: Enters with its fingerprint.
        tokenizer: Enters with its version and state.

    Returns:
        32 hexadecimal digits.

    Raises:
        augment.documents.DocumentError: If a file cannot be read.
    """
    tokenizer_state = f"{tokenizers.__version__} {tokenizer.backend_tokenizer.to_str()} {tokenizer.eos_token_id}"
    parts = {
        "code": _code(),
        "sources": [_content(source) for source in sources],
        "field": field,
        "augmentation": augmentation,
        "reverser": reverser.fingerprint,
        "tokenizer": hashlib.sha256(tokenizer_state.encode()).hexdigest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@cache
def _code() -> str:
    modules = (Path(importlib.import_module(f"distill.{name}").__file__ or "") for name in _MODULES)
    return code_digest([*package_files(augment), *modules])


def _content(source: str) -> str:
    try:
        return _hash_of(source)
    except OSError as error:
        raise DocumentError(f"{error.filename or source}: cannot be read: {error.strerror or error}") from error


def _hash_of(source: str) -> str:
    path = Path(source)
    if not path.exists():
        return f"hub:{source}"
    digest = hashlib.sha256()
    for file in files_below(path):
        stat = file.stat()
        # A single file may be renamed, as long as it keeps its suffix.
        name = suffix_of(file) if file == path else file.relative_to(path)
        # A name need not be UTF-8.
        digest.update(os.fsencode(f"{name}\0{_file_hash(file, stat.st_size, stat.st_mtime_ns)}\0"))
    return digest.hexdigest()


@cache
def _file_hash(file: Path, size: int, modified: int) -> str:
    """SHA-256 of the bytes; computed once per process as long as size and modification time stay the same."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
