"""Documents → two token streams on disk, packed once: the cache that training reads its blocks from."""

import logging
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from augment import RoleReverser
from augment.documents import DocumentError, read_documents
from augment.runtime.atomic_write import atomic_write
from augment.runtime.locks import locked
from augment.runtime.worker_pool import ordered_map
from distill.config import Augmentation
from distill.data.augmentation import PASSES, document_side
from distill.data.cache_key import cache_key
from distill.data.encoding import Side, encode_documents
from distill.data.packed_text import DamagedError, PackedBatch, PackedText, PackedWriter
from distill.errors import RunError

log = logging.getLogger(__name__)


_BATCH = 256
"""Most documents that are tokenised and written at a time."""
_BATCH_CHARACTERS = 1 << 20
"""Most characters of such a batch, unless a single document has more."""


@dataclass(frozen=True)
class Corpus:
    """What is packed, and which side of its documents is the factual one.

    Attributes:
        sources: Files, folders or hub ids, read one after the other.
        field: Column of the text in jsonl, parquet and hub sets.
        augmentation: `none`; `append`: after all originals come their reversals, as documents of their own with the
            original as the counterfactual; `substitute`: a seeded coin decides for each document which side is the
            factual one.
        seed: Of that coin.
    """

    sources: tuple[str, ...]
    field: str = "text"
    augmentation: Augmentation = "none"
    seed: int = 0

    def key(self, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase) -> str:
        """The name of the packed text: a hash of all that changes it.

        Raises:
            augment.documents.DocumentError: If a file cannot be read.
        """
        coin = self.seed if self.augmentation == "substitute" else None
        return cache_key(self.sources, self.field, f"{self.augmentation} {coin}", reverser, tokenizer)


def pack(
    corpus: Corpus, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, num_proc: int, cache_dir: Path
) -> PackedText:
    """Reverse, tokenise and write the documents of a corpus, unless the cache already holds them intact.

    Args:
        corpus: The documents.
        reverser: Finds the words to exchange.
        tokenizer: A fast tokenizer.
        num_proc: Processes that reverse and tokenise; the result does not depend on their number.
        cache_dir: Folder of all packed texts.

    Returns:
        The packed text, in its folder of the cache.

    Raises:
        augment.documents.DocumentError: If a source cannot be read.
        RunError: If the cache cannot be written, or a process died.
    """
    key = corpus.key(reverser, tokenizer)
    folder = cache_dir / key
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with locked(cache_dir / f"{key}.lock", _busy):
            if folder.exists():
                try:
                    return PackedText.open(folder).verified()
                except DamagedError as error:
                    log.warning("the packed text in %s is corrupt (%s): packing it again", folder, error)
                    shutil.rmtree(folder)
            atomic_write(
                folder,
                lambda unfinished: _write(unfinished, corpus, reverser, tokenizer, num_proc),
                fsync=True,
                exclusive=True,
            )
    except BrokenProcessPool as error:
        raise RunError(
            f"a process that packs text was killed, probably out of memory: lower data.num_proc ({num_proc})"
        ) from error
    except OSError as error:
        raise RunError(
            f"data.cache_dir {str(cache_dir)!r} cannot be written: {error.strerror or error}; free some space, or "
            "choose another folder"
        ) from error
    return PackedText.open(folder)


def _busy() -> None:
    log.info("another process is packing the same text: waiting for it")


def _write(
    folder: Path, corpus: Corpus, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, num_proc: int
) -> None:
    token_type = "uint16" if max(tokenizer.get_vocab().values()) < 2**16 else "uint32"
    folder.mkdir()
    scratch = folder / "scratch"
    with PackedWriter(folder, token_type) as writer:
        for side in PASSES[corpus.augmentation]:
            for number, source in enumerate(corpus.sources):
                documents = read_documents(source, field=corpus.field, cache_dir=scratch)
                batches = _batches(_texts(documents, source), side, corpus.seed, number)
                name = source if side != "reversal" else f"{source}, reversed"
                with tqdm(total=len(documents), desc=f"Packing {source}", unit=" documents", mininterval=1) as bar:
                    for encoded in ordered_map(_encode, batches, num_proc, reverser, tokenizer, token_type):
                        writer.add(encoded)
                        bar.update(len(encoded))
                writer.end_source(name)
                del documents
                shutil.rmtree(scratch, ignore_errors=True)
        packed = writer.finish()
    log.info("packed %s documents, %s tokens", f"{packed.documents:,}", f"{packed.tokens:,}")


def _batches(
    documents: Iterable[str], side: Side | None, seed: int, source: int
) -> Iterator[tuple[list[str], list[Side]]]:
    """Documents and their sides, in batches that are limited in documents and in characters."""
    texts: list[str] = []
    sides: list[Side] = []
    characters = 0
    for index, text in enumerate(documents):
        texts.append(text)
        sides.append(document_side(side, seed, source, index))
        characters += len(text)
        if len(texts) == _BATCH or characters >= _BATCH_CHARACTERS:
            yield texts, sides
            texts, sides, characters = [], [], 0
    if texts:
        yield texts, sides


def _texts(documents: Dataset, source: str) -> Iterator[str]:
    try:
        for batch in documents.with_format("arrow").iter(16):
            yield from batch.column("text").to_pylist()
    except OSError as error:
        # Otherwise it would be reported as an error of the cache, which is written at the same time.
        raise DocumentError(f"{source}: cannot be read: {error.strerror or error}") from error


def _encode(
    batch: tuple[list[str], list[Side]], reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, token_type: str
) -> PackedBatch:
    texts, sides = batch
    return PackedBatch.of(encode_documents(texts, reverser, tokenizer, sides), token_type)
