"""Documents → two streams of tokens on disk, once: the cache that training reads blocks from."""

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import Dataset, Features, List, Value
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from augment import RoleReverser
from augment.documents import read_documents
from distill.encoding import Side, encode_documents
from distill.randomness import seed_of

log = logging.getLogger(__name__)

Augmentation = Literal["none", "append", "substitute"]

VERSION = 1
"""Of the format and of the code that fills it; part of the cache's key."""

_PASSES: dict[Augmentation, list[Side | None]] = {
    "none": ["text"],
    "append": ["text", "reversal"],
    "substitute": [None],
}
"""The side of all documents in each pass over the corpus; None: a coin for each."""

_BATCH = 256
"""Documents that are tokenised, and written, at a time."""

_FEATURES = Features(
    tokens=List(Value("int32")),
    counterfactual=List(Value("int32")),
    boundary=List(Value("int32")),
    flags=List(Value("uint8")),
)


def _stream_types(token_type: str) -> dict[str, str]:
    return {"tokens": token_type, "counterfactual": token_type, "boundary": "int64", "flags": "uint8"}


@dataclass(frozen=True)
class PackedText:
    """A folder with the two streams; document follows document, each with its end-of-text token.

    Attributes:
        folder: holds `tokens.bin`, `counterfactual.bin`, `boundary.bin`, `flags.bin` and `meta.json`.
        tokens: length of the factual stream.
        token_type: numpy name of the type of ids.
    """

    folder: Path
    tokens: int
    token_type: str

    @classmethod
    def open(cls, folder: Path) -> "PackedText":
        """Open what `pack` wrote."""
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        return cls(folder, meta["tokens"], meta["token_type"])

    def array(self, name: str) -> np.ndarray:
        """One of the four streams, memory-mapped."""
        return np.memmap(self.folder / f"{name}.bin", dtype=_stream_types(self.token_type)[name], mode="r")


@dataclass(frozen=True)
class Corpus:
    """What is packed, and which side of its documents is the factual one.

    Attributes:
        sources: files, folders or hub ids, read one after the other.
        field: the text's column in jsonl, parquet and hub sets.
        augmentation: `none`; `append`: the reversals follow all originals as documents of their own, with the original
            as counterfactual; `substitute`: a seeded coin decides for each document which side is the factual one.
        seed: of that coin.
    """

    sources: tuple[str, ...]
    field: str = "text"
    augmentation: Augmentation = "none"
    seed: int = 0


def pack(
    corpus: Corpus, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, num_proc: int, cache_dir: Path
) -> PackedText:
    """Reverse, tokenise and write the documents of a corpus, unless the cache holds them already.

    Args:
        corpus: the documents.
        reverser: finds the words to exchange.
        tokenizer: a fast one.
        num_proc: processes that reverse and tokenise.
        cache_dir: folder of all packed texts; what is written depends on everything but `num_proc`.

    Raises:
        augment.documents.DocumentError: a source can't be read.
    """
    key = _cache_key(corpus, reverser, tokenizer)
    folder = cache_dir / key
    if (folder / "meta.json").is_file():
        return PackedText.open(folder)
    cache_dir.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{key}.", suffix=".unfinished", dir=cache_dir))
    try:
        _write(unfinished, corpus, reverser, tokenizer, num_proc)
        unfinished.rename(folder)
    except OSError:
        # another process was quicker: what it wrote is the same
        if not (folder / "meta.json").is_file():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return PackedText.open(folder)


def _write(
    folder: Path, corpus: Corpus, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, num_proc: int
) -> None:
    token_type = "uint16" if max(tokenizer.get_vocab().values()) < 2**16 else "uint32"
    scratch = folder / "scratch"
    with _Streams(folder, token_type) as streams:
        for side in _PASSES[corpus.augmentation]:
            for number, source in enumerate(corpus.sources):
                dataset = read_documents(source, field=corpus.field, cache_dir=scratch)
                encoded = _encode_all(
                    dataset, reverser, tokenizer, side, (corpus.seed, number), num_proc, scratch / "encoded.arrow"
                )
                for batch in tqdm(
                    encoded.with_format("numpy").iter(_BATCH),
                    total=-(-len(encoded) // _BATCH),
                    desc=f"Packing {number + 1}/{len(corpus.sources)}",
                    unit="batch",
                ):
                    streams.add(batch)
                del encoded, dataset
                shutil.rmtree(scratch, ignore_errors=True)
    meta = {"version": VERSION, "documents": streams.documents, "tokens": streams.tokens, "token_type": token_type}
    (folder / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
    log.info("packed %s documents, %s tokens", f"{streams.documents:,}", f"{streams.tokens:,}")


class _Streams:
    """The four streams of a packed text, open for writing, and how much stands in them."""

    def __init__(self, folder: Path, token_type: str) -> None:
        self.documents = self.tokens = 0
        self._counterfactual_tokens = 0
        self._types = _stream_types(token_type)
        self._paths = {name: folder / f"{name}.bin" for name in self._types}

    def __enter__(self) -> "_Streams":
        self._files = {name: path.open("wb") for name, path in self._paths.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, batch: dict[str, Any]) -> None:
        """Append documents, column by column; boundaries become positions in the whole counterfactual stream."""
        lengths = np.array([len(document) for document in batch["counterfactual"]])
        starts = self._counterfactual_tokens + np.cumsum(lengths) - lengths
        columns = {name: list(batch[name]) for name in self._types}
        columns["boundary"] = [
            np.where(ends < 0, -1, ends + start) for ends, start in zip(columns["boundary"], starts, strict=True)
        ]
        for name, documents in columns.items():
            self._files[name].write(np.concatenate(documents).astype(self._types[name]).tobytes())
        self.documents += len(lengths)
        self.tokens += sum(map(len, columns["tokens"]))
        self._counterfactual_tokens += int(lengths.sum())


def _encode_all(
    dataset: Dataset,
    reverser: RoleReverser,
    tokenizer: PreTrainedTokenizerBase,
    side: Side | None,
    coin: tuple[int, int],
    num_proc: int,
    arrow: Path,
) -> Dataset:
    def encode(batch: dict[str, list[str]], indices: list[int]) -> dict[str, list[Any]]:
        sides: list[Side] = [side or ("reversal" if seed_of(*coin, index) & 1 else "text") for index in indices]
        documents = encode_documents(batch["text"], reverser, tokenizer, sides)
        return {name: [getattr(document, name) for document in documents] for name in _FEATURES}

    arrow.parent.mkdir(exist_ok=True)
    return dataset.map(
        encode,
        batched=True,
        batch_size=_BATCH,
        with_indices=True,
        remove_columns=dataset.column_names,
        features=_FEATURES,
        num_proc=num_proc if len(dataset) >= _BATCH * num_proc and num_proc > 1 else None,
        cache_file_name=str(arrow),
        new_fingerprint="encoded",
        desc="Reversing and tokenising",
    )


def _cache_key(corpus: Corpus, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase) -> str:
    """Of everything that changes what is written."""
    tokenizer_state = f"{tokenizer.backend_tokenizer.to_str()}{tokenizer.eos_token_id}"
    parts = {
        "version": VERSION,
        "sources": [_content(source) for source in corpus.sources],
        "field": corpus.field,
        "reverser": reverser.fingerprint,
        "tokenizer": hashlib.sha256(tokenizer_state.encode()).hexdigest(),
        "augmentation": corpus.augmentation,
        "seed": corpus.seed if corpus.augmentation == "substitute" else None,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _content(source: str) -> str:
    """A hash of local files' bytes; a hub set is known by its name."""
    path = Path(source)
    if not path.exists():
        return f"hub:{source}"
    digest = hashlib.sha256()
    for file in _files_below(path):
        stat = file.stat()
        digest.update(f"{file.relative_to(path)}\0{_file_hash(file, stat.st_size, stat.st_mtime_ns)}\0".encode())
    return digest.hexdigest()


@cache
def _file_hash(file: Path, size: int, modified: int) -> str:
    """Of the bytes; read once a process as long as size and time stay the same."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files_below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from sorted(child for child in path.rglob("*") if child.is_file())
