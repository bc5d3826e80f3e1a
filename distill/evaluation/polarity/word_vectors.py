"""Word vectors from a file: word2vec's text and binary formats, plain or gzipped, and gensim's .kv."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from distill.errors import UserError
from distill.evaluation.polarity.inert_pickle import Inert, InertArray, InertScalar, read_inert

Floats = NDArray[np.float32]

_FORMATS = "word2vec's text (.txt, .vec) or binary (.bin) format, gzipped or not, or gensim's .kv"

_DEFLATED = 1032
"""Bytes that one byte of gzip can expand to, at most."""


def read_word_vectors(path: Path) -> tuple[list[str], Floats]:
    """Read words and their vectors.

    Args:
        path: The file. `.bin` and `.bin.gz` are word2vec's binary format, `.kv` is gensim's, anything else is
            word2vec's text format, with or without its header line (GloVe has none).

    Returns:
        The words, and their vectors `[words, dimensions]`.

    Raises:
        UserError: If the file is missing, truncated, corrupt or in another format, or if a value in it is not finite.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; give word vectors in {_FORMATS}")
    try:
        words, vectors = _read(path)
        _check_finite(words, vectors)
    except (ValueError, TypeError, EOFError, OSError, MemoryError, zlib.error) as error:
        raise UserError(f"{path}: not readable as word vectors ({error}); give {_FORMATS}") from error
    return words, vectors


def _read(path: Path) -> tuple[list[str], Floats]:
    if path.suffix == ".kv":
        return _gensim(path)
    zipped = path.suffix == ".gz"
    with gzip.open(path) if zipped else path.open("rb") as file:
        if path.name.removesuffix(".gz").endswith(".bin"):
            return _binary(file, path.stat().st_size * (_DEFLATED if zipped else 1))
        return _text(file)


def _check_finite(words: Sequence[str], vectors: Floats) -> None:
    if vectors.ndim != 2 or not vectors.size:
        raise ValueError("it does not contain one vector per word")
    # The extremes of each row are enough; a mask of all values would take a quarter of the vectors' own memory.
    finite = np.isfinite(vectors.min(axis=1)) & np.isfinite(vectors.max(axis=1))
    if not finite.all():
        row = int(finite.argmin())
        raise ValueError(f"{words[row]!r}, word {row + 1:,}, has a value that is not finite")


def _binary(file: BufferedIOBase, most: int) -> tuple[list[str], Floats]:
    """Read a header “words dimensions”; then each word, a space, its float32 vector, and in some files a line break.

    Args:
        file: The file.
        most: Upper bound on the bytes in the file, because the header may claim any number of words.
    """
    count, dimensions = map(int, file.readline(100).split())
    if count < 1 or dimensions < 1 or count * (1 + 4 * dimensions) > most:
        raise ValueError(f"its header claims {count:,} words of {dimensions:,} dimensions, more than fit into it")
    words, vectors = [], np.empty((count, dimensions), dtype=np.float32)
    for row in tqdm(range(count), desc="words", unit="word", delay=2):
        words.append(_until_space(file))
        content = file.read(4 * dimensions)
        if len(content) < 4 * dimensions:
            raise ValueError(f"it ends at word {row + 1:,} of {count:,}")
        vectors[row] = np.frombuffer(content, dtype="<f4")
    return words, vectors


def _until_space(file: BufferedIOBase) -> str:
    word = bytearray()
    while (byte := file.read(1)) != b" ":
        if not byte:
            raise ValueError("it ends inside a word")
        word += byte
    return word.lstrip(b"\n").decode("utf-8", errors="replace")


def _text(file: BufferedIOBase) -> tuple[list[str], Floats]:
    words: list[str] = []
    rows: list[Floats] = []
    for word, vector in tqdm(_text_lines(file), desc="words", unit="word", delay=2):
        if rows and len(vector) != len(rows[0]):
            raise ValueError(f"{word!r} has {len(vector)} dimensions, the words before it {len(rows[0])}")
        words.append(word)
        rows.append(vector)
    if not rows:
        raise ValueError("it contains no words")
    return words, np.stack(rows)


def _text_lines(file: BufferedIOBase) -> Iterator[tuple[str, Floats]]:
    for number, line in enumerate(file):
        word, *values = line.decode("utf-8", errors="replace").rstrip().split(" ")
        if number == 0 and len(values) == 1:  # “words dimensions”
            continue
        yield word, np.array(values, dtype=np.float32)


def _gensim(path: Path) -> tuple[list[str], Floats]:
    """Read gensim's KeyedVectors, which are a pickle."""
    with path.open("rb") as file:
        record = read_inert(file)
    content = record.state if isinstance(record, Inert) and isinstance(record.state, dict) else {}
    words = content.get("index_to_key", content.get("index2word"))
    separate = path.with_name(path.name + ".vectors.npy")  # where gensim stores large arrays
    vectors = content.get("vectors")
    if isinstance(vectors, InertArray):
        vectors = vectors.numbers()
    elif vectors is None and separate.is_file():
        vectors = np.load(separate, allow_pickle=False)
    if not isinstance(words, list) or not isinstance(vectors, np.ndarray) or len(words) != len(vectors):
        raise ValueError("it does not contain one vector per word")
    # Some pickles store each word as a NumPy scalar.
    words = [word.text() if isinstance(word, InertScalar) else word for word in words]
    if not all(isinstance(word, str) for word in words):
        raise ValueError("one of its words is not text")
    return words, vectors.astype(np.float32)
