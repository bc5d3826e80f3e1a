"""The format of packed text on disk: four token streams, where documents start, sizes and checksums."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distill.data.encoding import EncodedDocument
from distill.errors import RunError

NO_BOUNDARY = np.iinfo(np.int32).min
"""Value in the stream `shift` for a token that ends inside a reversed word."""

_CHUNK = 1 << 24


def _types(token_type: str) -> dict[str, str]:
    return {"tokens": token_type, "counterfactual": token_type, "shift": "int32", "flags": "uint8", "starts": "int64"}


@dataclass(frozen=True)
class PackedBatch:
    """Encoded documents, concatenated as they are written to the streams.

    Attributes:
        lengths: `[documents]` tokens of each document.
        tokens: `[tokens]` ids.
        counterfactual: `[counterfactual tokens]` ids.
        boundary: `[tokens]` positions in `counterfactual`, or −1.
        flags: `[tokens]` uint8 of `TokenFlag`.
    """

    lengths: np.ndarray
    tokens: np.ndarray
    counterfactual: np.ndarray
    boundary: np.ndarray
    flags: np.ndarray

    @classmethod
    def of(cls, documents: list[EncodedDocument], token_type: str) -> "PackedBatch":
        """Concatenate documents.

        Args:
            documents: At least one.
            token_type: NumPy name of the dtype of ids.
        """
        lengths = np.array([len(document.counterfactual) for document in documents])
        before = np.cumsum(lengths) - lengths
        boundary = [
            np.where(document.boundary < 0, -1, document.boundary + start)
            for document, start in zip(documents, before, strict=True)
        ]
        return cls(
            lengths=np.array([len(document.tokens) for document in documents]),
            tokens=np.concatenate([document.tokens for document in documents]).astype(token_type),
            counterfactual=np.concatenate([document.counterfactual for document in documents]).astype(token_type),
            boundary=np.concatenate(boundary),
            flags=np.concatenate([document.flags for document in documents]),
        )

    def __len__(self) -> int:
        return len(self.lengths)


class DamagedError(Exception):
    """A packed text that differs from what was written."""


def _check_meta(meta: dict[str, Any]) -> None:
    """Check the content of a meta.json that is still valid JSON.

    Raises:
        DamagedError: If its fields contradict each other.
    """
    if meta["token_type"] not in ("uint16", "uint32"):
        raise DamagedError(f"meta.json: unknown token_type {meta['token_type']!r}")
    types = _types(meta["token_type"])
    for part in ("bytes", "crc32"):
        if meta[part].keys() != types.keys():
            raise DamagedError(f"meta.json: {part} lists other files")
    lengths = dict.fromkeys(("tokens", "shift", "flags"), meta["tokens"]) | {"starts": meta["documents"]}
    for name, length in lengths.items():
        if type(length) is not int or meta["bytes"][name] != length * np.dtype(types[name]).itemsize:
            raise DamagedError(f"meta.json: {length!r} numbers in {name} do not take {meta['bytes'][name]!r} bytes")


@dataclass(frozen=True)
class PackedText:
    """A folder with a factual and a counterfactual token stream, and their alignment.

    Documents follow one another, each ending with an end-of-text token.

    Attributes:
        folder: Holds `meta.json` and the arrays, each in a file `<name>.bin`:
            `tokens` `[tokens]` ids of the factual side; `counterfactual` ids of the reversals;
            `shift` `[tokens]` int32: the counterfactual position that ends where the token ends, minus the token's own
            position, or `NO_BOUNDARY`; `flags` `[tokens]` uint8 of `TokenFlag`; `starts` `[documents]` int64: the first
            token of each document.
        tokens: Length of the factual stream.
        documents: Number of documents.
        token_type: NumPy name of the dtype of ids.
        sources: (name, number of documents) of each packed source, in order.
    """

    folder: Path
    tokens: int
    documents: int
    token_type: str
    sources: tuple[tuple[str, int], ...]

    @classmethod
    def open(cls, folder: Path) -> "PackedText":
        """Open what `PackedWriter` wrote; sizes are checked, checksums are not.

        Raises:
            DamagedError: If a file is missing, has another size, or contradicts the others.
        """
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            _check_meta(meta)
            for name, size in meta["bytes"].items():
                found = (folder / f"{name}.bin").stat().st_size
                if found != size:
                    raise DamagedError(f"{name}.bin has {found:,} of {size:,} bytes")
            sources = tuple((source, documents) for source, documents in meta["sources"])
            if sum(documents for _, documents in sources) != meta["documents"]:
                raise DamagedError("meta.json: the documents of its sources do not add up")
            return cls(folder, meta["tokens"], meta["documents"], meta["token_type"], sources)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedError(f"{type(error).__name__}: {error}") from error

    def verified(self) -> "PackedText":
        """The same packed text, after every file has been compared with its checksum.

        Raises:
            DamagedError: If a checksum differs.
        """
        for name, expected in json.loads((self.folder / "meta.json").read_text(encoding="utf-8"))["crc32"].items():
            checksum = 0
            with (self.folder / f"{name}.bin").open("rb") as file:
                while chunk := file.read(_CHUNK):
                    checksum = zlib.crc32(chunk, checksum)
            if checksum != expected:
                raise DamagedError(f"{name}.bin has a different checksum")
        return self

    def array(self, name: str) -> np.ndarray:
        """One of the arrays of the folder, memory-mapped."""
        return np.memmap(self.folder / f"{name}.bin", dtype=_types(self.token_type)[name], mode="r")

    def describe(self, token: int, length: int) -> str:
        """The documents of some tokens, e.g. “documents 3 to 5 of train.jsonl”, counted from 1.

        Args:
            token: Position of the first token.
            length: Number of tokens.
        """
        first, last = np.searchsorted(self.array("starts"), [token, token + length - 1], side="right")
        before = 0
        for source, documents in self.sources:
            if first <= before + documents:
                end = min(int(last), before + documents)
                which = (
                    f"document {first - before}" if first == end else f"documents {first - before} to {end - before}"
                )
                return f"{which} of {source}"
            before += documents
        raise IndexError(token)


class PackedWriter:
    """Writes a packed text into an existing folder, which can be opened once `finish` has been called."""

    def __init__(self, folder: Path, token_type: str) -> None:
        self._folder = folder
        self._token_type = token_type
        self._types = _types(token_type)
        self._checksums = dict.fromkeys(self._types, 0)
        self._sizes = dict.fromkeys(self._types, 0)
        self._documents = self._tokens = self._counterfactual_tokens = self._documents_before = 0
        self._sources: list[tuple[str, int]] = []

    def __enter__(self) -> "PackedWriter":
        self._files = {name: (self._folder / f"{name}.bin").open("wb") for name in self._types}
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def add(self, batch: PackedBatch) -> None:
        """Append documents.

        Raises:
            RunError: If the streams' lengths differ by more than 2³¹ tokens.
        """
        apart = self._counterfactual_tokens - self._tokens
        shift = batch.boundary - np.arange(len(batch.tokens)) + apart
        if len(shift) and np.abs(shift).max() > np.iinfo(np.int32).max:
            raise RunError("the reversal is 2³¹ tokens longer or shorter than the text: pack it in parts")
        shift[batch.boundary < 0] = NO_BOUNDARY
        starts = self._tokens + np.cumsum(batch.lengths) - batch.lengths
        streams = {"tokens": batch.tokens, "counterfactual": batch.counterfactual, "shift": shift,
                   "flags": batch.flags, "starts": starts}  # fmt: skip
        for name, stream in streams.items():
            data = stream.astype(self._types[name]).tobytes()
            self._files[name].write(data)
            self._checksums[name] = zlib.crc32(data, self._checksums[name])
            self._sizes[name] += len(data)
        self._documents += len(batch)
        self._tokens += len(batch.tokens)
        self._counterfactual_tokens += len(batch.counterfactual)

    def end_source(self, name: str) -> None:
        """Note that the documents since the last call came from this source."""
        self._sources.append((name, self._documents - self._documents_before))
        self._documents_before = self._documents

    def finish(self) -> PackedText:
        """Write meta.json, with the sizes and checksums of all files."""
        for file in self._files.values():
            file.flush()
        meta: dict[str, Any] = {
            "documents": self._documents,
            "tokens": self._tokens,
            "token_type": self._token_type,
            "sources": self._sources,
            "bytes": self._sizes,
            "crc32": self._checksums,
        }
        (self._folder / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
        return PackedText.open(self._folder)
