"""Reads documents: from text files, JSON lines, Parquet, folders of these, saved datasets, and the Hugging Face hub.

A document is a row of JSON lines, Parquet or a dataset; a paragraph between blank lines of a text file; or an article,
from one ` = Title = ` to the next, of a text file in WikiText's format, which is recognised by its first line.
"""

import atexit
import gzip
import hashlib
import itertools
import json
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.hub_ids import parse_hub_id
from augment.runtime.atomic_write import atomic_write
from augment.runtime.error_text import first_line
from augment.runtime.stale_files import process_unique_prefix, remove_stale_files

if TYPE_CHECKING:
    import datasets

SUFFIXES = (".txt", ".jsonl", ".jsonl.gz", ".parquet")

_TITLE = re.compile(r" ?= (?!= )[^\r\n]*[^=\s] =\s*")
_BATCH_CHARACTERS = 1 << 22

_Reader = Callable[[Path, str], Iterator[str]]


class DocumentError(ValueError):
    """Documents that cannot be read: the message is one line that says where, what is wrong, and what to do."""


def read_documents(
    source: str | Path, field: str = "text", split: str = "train", cache_dir: str | Path | None = None
) -> "datasets.Dataset":
    """Read documents into a memory-mapped dataset with one string column, `text`.

    Args:
        source: A .txt, .jsonl, .jsonl.gz or .parquet file; a folder of such files, which are read in the order of their
            names; a folder written by `datasets.save_to_disk`; or the id of a dataset on the hub, followed by `:split`
            or `:configuration:split` if needed (`Skylion007/openwebtext:train[:1%]`,
            `Salesforce/wikitext:wikitext-2-raw-v1:test`).
        field: The column with the text; not used for text files.
        split: The split to read if the source names none.
        cache_dir: Folder in which local files are kept in Arrow format for the next time; default: a temporary folder
            that is removed when the process ends.

    Raises:
        DocumentError: If there is no such source, if it cannot be read, or if it contains no documents.

    Example:
        >>> read_documents("novel.txt")[0]["text"]  # doctest: +SKIP
        'It was a dark night.'
    """
    if not str(source):
        raise DocumentError("the source is empty; give a file, a folder, or the id of a dataset on the hub")
    path = Path(source)
    if path.is_file():
        return _from_files([path], field, cache_dir)
    if path.is_dir():
        if (path / "dataset_info.json").exists() or (path / "dataset_dict.json").exists():
            return _from_saved(path, field, split)
        try:
            files = sorted(file for file in path.iterdir() if file.is_file() and suffix_of(file))
        except OSError as error:
            raise DocumentError(f"{path}: cannot be read: {error.strerror or error}") from None
        if not files:
            raise DocumentError(f"{path}: no {', '.join(SUFFIXES)} file in this folder")
        return _from_files(files, field, cache_dir)
    if path.exists():
        raise DocumentError(f"{path}: is neither a file nor a folder, and is read more than once; save it as a file")
    hub_id = parse_hub_id(str(source))
    if hub_id is None:
        raise DocumentError(f"{path}: no such file or folder")
    return _from_hub(hub_id.name, hub_id.configuration, field, hub_id.split or split)


def suffix_of(path: Path) -> str | None:
    """The one of `SUFFIXES` that the file name ends in, which decides how the file is read; None if there is none."""
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)


def is_article_title(line: str) -> bool:
    r"""Whether a line begins an article in WikiText's format.

    >>> [is_article_title(line) for line in (" = Title = \n", " = = Section = = \n", "a = b")]
    [True, False, False]
    """
    return _TITLE.fullmatch(line) is not None


def _from_files(files: list[Path], field: str, cache_dir: str | Path | None) -> "datasets.Dataset":
    import datasets

    readers: dict[str | None, _Reader] = {
        ".txt": lambda path, _: _text_documents(path),
        ".jsonl": _json_documents,
        ".jsonl.gz": _json_documents,
        ".parquet": _parquet_documents,
    }
    for path in files:
        if suffix_of(path) is None:
            raise DocumentError(f"{path}: unsupported suffix; use one of {', '.join(SUFFIXES)}")
    if cache_dir is None:
        remove_stale_files(Path(tempfile.gettempdir()), "documents-")
        folder = Path(tempfile.mkdtemp(prefix=process_unique_prefix("documents-")))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    else:
        folder = Path(cache_dir)
        folder.mkdir(parents=True, exist_ok=True)
    arrow = folder / f"documents-{_fingerprint(files, field)}.arrow"
    if not arrow.exists():
        _write_arrow(arrow, (text for path in files for text in _guarded(readers[suffix_of(path)], path, field)))
    dataset = datasets.Dataset.from_file(str(arrow))
    if not len(dataset):
        raise DocumentError(f"{files[0].parent if len(files) > 1 else files[0]}: contains no documents")
    return dataset


def _guarded(reader: _Reader, path: Path, field: str) -> Iterator[str]:
    try:
        yield from reader(path, field)
    except (OSError, EOFError, zlib.error) as error:
        raise DocumentError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or first_line(error)}"
        ) from None


def _fingerprint(files: list[Path], field: str) -> str:
    stats = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr((stats, field)).encode()).hexdigest()[:16]


def _write_arrow(arrow: Path, texts: Iterable[str]) -> None:
    import pyarrow as pa

    schema = pa.schema([("text", pa.string())])

    def write(path: Path) -> None:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as stream:
            batch: list[str] = []
            characters = 0
            for text in texts:
                batch.append(text)
                characters += len(text)
                if characters >= _BATCH_CHARACTERS:
                    stream.write_batch(pa.record_batch([pa.array(batch, pa.string())], schema=schema))
                    batch, characters = [], 0
            stream.write_batch(pa.record_batch([pa.array(batch, pa.string())], schema=schema))

    atomic_write(arrow, write)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    position = 0
    with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DocumentError(
                    f"{path}, line {number}, byte {position + error.start}: "
                    f"not UTF-8 (0x{line[error.start]:02x}); convert the file to UTF-8"
                ) from None
            position += len(line)


def _text_documents(path: Path) -> Iterator[str]:
    lines = (line for _, line in _lines(path))
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        return
    split = _articles if is_article_title(first) else _paragraphs
    yield from split(itertools.chain([first], lines))


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    for blank, paragraph in itertools.groupby(lines, lambda line: not line.strip()):
        if not blank:
            yield "".join(paragraph).rstrip("\r\n")


def _articles(lines: Iterable[str]) -> Iterator[str]:
    article: list[str] = []
    after_blank = True
    for line in lines:
        # Unlike a title, a formula (“ = 5 = ”) does not follow a blank line.
        if after_blank and article and is_article_title(line):
            yield "".join(article).rstrip()
            article = []
        article.append(line)
        after_blank = not line.strip()
    yield "".join(article).rstrip()


def json_objects(path: Path, expected: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read JSON lines.

    Args:
        path: A file, compressed if its name ends in .gz; blank lines are skipped.
        expected: What a line should contain, for error messages.

    Yields:
        File and line of each object, for the caller's own error messages, and the object.

    Raises:
        DocumentError: If a line is not UTF-8, or not a JSON object.
    """
    for number, line in _lines(path):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DocumentError(f"{where}: not JSON ({error}); expected {expected}") from None
        if not isinstance(row, dict):
            raise DocumentError(f"{where}: not a JSON object; expected {expected}")
        yield where, row


def _json_documents(path: Path, field: str) -> Iterator[str]:
    for where, row in json_objects(path, f"{{{json.dumps(field, ensure_ascii=False)}: …}}"):
        if field not in row:
            raise DocumentError(f"{where}: no field {field!r}; there are {_listed(row)}")
        yield _checked(row[field], field, where)


def _parquet_documents(path: Path, field: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if field not in file.schema_arrow.names:
                raise DocumentError(f"{path}: no column {field!r}; there are {_listed(file.schema_arrow.names)}")
            number = 0
            for batch in file.iter_batches(batch_size=256, columns=[field]):
                for text in batch.column(0).to_pylist():
                    number += 1
                    yield _checked(text, field, f"{path}, row {number}")
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DocumentError(f"{path}: truncated or corrupt Parquet file: {first_line(error)}") from None


def _checked(text: Any, field: str, place: str) -> str:
    if not isinstance(text, str):
        raise DocumentError(f"{place}: {field!r} is {json.dumps(text, default=str)[:40]}, not a string")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DocumentError(
            f"{place}: {field!r} contains an unpaired surrogate at position {error.start}; fix the encoding"
        ) from None
    return text


def _from_saved(path: Path, field: str, split: str) -> "datasets.Dataset":
    import datasets

    try:
        dataset = datasets.load_from_disk(str(path))
    except Exception as error:
        raise DocumentError(f"{path}: incomplete or corrupt saved dataset: {first_line(error)}") from None
    if isinstance(dataset, datasets.DatasetDict):
        if split not in dataset:
            raise DocumentError(f"{path}: no split {split!r}; there are {_listed(dataset)}")
        dataset = dataset[split]
    return _text_column(dataset, field, str(path))


def _from_hub(name: str, config: str | None, field: str, split: str) -> "datasets.Dataset":
    import datasets

    try:
        dataset = datasets.load_dataset(name, config, split=split)
    except Exception as error:
        raise DocumentError(
            f"{name}: no such file or folder, and not available as a dataset on the hub: {first_line(error)}"
        ) from None
    return _text_column(dataset, field, name)


def _text_column(dataset: "datasets.Dataset", field: str, name: str) -> "datasets.Dataset":
    if field not in dataset.column_names:
        raise DocumentError(f"{name}: no column {field!r}; there are {_listed(dataset.column_names)}")
    if getattr(dataset.features[field], "dtype", None) not in ("string", "large_string"):
        raise DocumentError(f"{name}: column {field!r} holds {dataset.features[field]}, not strings")
    if not len(dataset):
        raise DocumentError(f"{name}: contains no documents")
    dataset = dataset.select_columns([field])
    row = _first_null(dataset.data.column(field))
    if row is not None:
        raise DocumentError(f"{name}, row {row + 1}: {field!r} is null, not a string")
    return dataset if field == "text" else dataset.rename_column(field, "text")


def _first_null(column: Any) -> int | None:
    # Arrow has counted the nulls of each chunk, so only a chunk with a null is read.
    row = 0
    for chunk in column.chunks:
        if chunk.null_count:
            return row + chunk.is_null().index(True).as_py()
        row += len(chunk)
    return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
