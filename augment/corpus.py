"""Reverses a whole corpus, on all cores, and writes the result."""

import hashlib
import json
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.records import Reversal
from augment.reversal import RoleReverser
from augment.runtime.atomic_write import atomic_write
from augment.runtime.worker_pool import ordered_map

if TYPE_CHECKING:
    import datasets

_FORMS = (".jsonl", ".parquet", ".txt")


class OutputError(ValueError):
    """An output that cannot be written: the message says why, and what to do."""


_MAX_PIECES, _MIN_ROWS = 1000, 500
_PAIRS_SHOWN = 20


@dataclass(frozen=True)
class Summary:
    """Counts over a reversed corpus.

    Attributes:
        documents: All documents.
        words: All words, split at whitespace.
        swaps: Exchanged words by group of the lexicon.
        pairs: How often the most frequent pairs were exchanged, named "she → he", in lower case.
        without_swaps: Documents in which nothing was exchanged.
    """

    documents: int
    words: int
    swaps: dict[str, int]
    pairs: dict[str, int]
    without_swaps: int

    def __str__(self) -> str:
        total = sum(self.swaps.values())
        per_thousand = 1000 * total / self.words if self.words else 0.0
        groups = ", ".join(f"{group} {count:,}" for group, count in self.swaps.items())
        return (
            f"{self.documents:,} documents, {self.words:,} words, {total:,} swaps ({per_thousand:.1f} per 1,000 words"
            f"{': ' + groups if groups else ''}), {self.without_swaps:,} documents without any"
        )

    def to_json(self) -> str:
        """The counts as a JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def shard(dataset: "datasets.Dataset", index: int, number: int) -> "datasets.Dataset":
    """A part of a corpus, so that several machines can share it.

    Args:
        dataset: The corpus.
        index: Which part, from 1.
        number: Of contiguous parts, which have about the same number of documents.

    Raises:
        OutputError: If there are fewer documents than parts.
    """
    if len(dataset) < number:
        raise OutputError(f"{len(dataset):,} documents are fewer than {number:,} shards; choose fewer")
    return dataset.shard(num_shards=number, index=index - 1, contiguous=True)


def reverse_corpus(
    dataset: "datasets.Dataset", reverser: RoleReverser, folder: str | Path, num_proc: int = 1, state: str = ""
) -> tuple["datasets.Dataset", Summary]:
    """Reverse the column `text` of a dataset, and count what was exchanged.

    Args:
        dataset: The corpus.
        reverser: Reverses each document.
        folder: Folder for the pieces of the result, a file each. Pieces that it contains already, of the same reverser
            and `state`, are kept, so that a run that was killed continues.
        num_proc: Number of processes.
        state: Identifies the dataset; default: its fingerprint.

    Returns:
        A dataset with a row for each row, in order, and the counts. The columns are text and counterfactual (strings),
        swaps and tells (lists of integers: the fields of one `Swap` after the other, and the start and end of one tell
        after the other); `to_reversal` reads a row.

    Raises:
        EOFError: If a worker process was killed.
    """
    import datasets
    from tqdm import tqdm

    rows = max(_MIN_ROWS, -(-len(dataset) // _MAX_PIECES))
    key = hashlib.sha256(f"{state or dataset._fingerprint} {reverser.fingerprint} {rows}".encode()).hexdigest()[:16]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [
        _Piece(folder / f"{key}-{start:012}.arrow", start, min(start + rows, len(dataset)))
        # At least one, so that a corpus without documents has its columns, too.
        for start in range(0, max(1, len(dataset)), rows)
    ]
    missing = [piece for piece in pieces if not piece.counts.exists()]
    done = len(dataset) - sum(piece.stop - piece.start for piece in missing)
    with tqdm(total=len(dataset), initial=done, desc="Reversing", unit=" examples", mininterval=0.5) as progress:
        processes = max(1, min(num_proc, len(missing)))
        try:
            for piece in ordered_map(_reverse_piece, missing, processes, dataset, reverser):
                progress.update(piece.stop - piece.start)
        except BrokenProcessPool as error:
            raise EOFError("a worker process was killed") from error
    reversed_dataset = datasets.concatenate_datasets([datasets.Dataset.from_file(str(piece.rows)) for piece in pieces])
    return reversed_dataset, _sum(len(dataset), [json.loads(piece.counts.read_text("utf-8")) for piece in pieces])


@dataclass(frozen=True)
class _Piece:
    """Rows [start, stop) of a corpus, reversed: a file of rows, and one of counts, which is written last."""

    rows: Path
    start: int
    stop: int

    @property
    def counts(self) -> Path:
        return self.rows.with_suffix(".json")


def _reverse_piece(piece: _Piece, dataset: "datasets.Dataset", reverser: RoleReverser) -> _Piece:
    import pyarrow as pa

    texts = dataset[piece.start : piece.stop]["text"]
    reversals = [reverser.reverse(text) for text in texts]
    spans = pa.list_(pa.int32())
    table = pa.table(
        {
            "text": pa.array(texts, pa.large_string()),
            "counterfactual": pa.array([reversal.counterfactual for reversal in reversals], pa.large_string()),
            "swaps": pa.array([memoryview(r.record).cast("q").tolist() for r in reversals], spans),
            "tells": pa.array([list(chain.from_iterable(r.tells)) for r in reversals], spans),
        }
    )

    def write_rows(path: Path) -> None:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)

    counts = json.dumps(_counts(reversals, reverser.lexicon.group_of))
    atomic_write(piece.rows, write_rows)
    atomic_write(piece.counts, lambda path: path.write_text(counts, "utf-8"))
    return piece


def _counts(reversals: list[Reversal], group_of: dict[str, str]) -> dict[str, Any]:
    exchanged = Counter(
        (reversal.text[start:end], reversal.counterfactual[new_start:new_end])
        for reversal in reversals
        for start, end, new_start, new_end, _ in reversal.swaps
    )
    groups: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for (old, new), count in exchanged.items():
        word = old.lower().replace("’", "'")
        # A swapped word that is not in the lexicon is a first name.
        groups[group_of.get(word) or group_of.get(word.partition("'")[0], "name")] += count
        pairs[f"{word} → {new.lower().replace('’', chr(39))}"] += count
    return {
        "words": sum(len(reversal.text.split()) for reversal in reversals),
        "swaps": groups,
        "pairs": pairs,
        "without_swaps": sum(not reversal.record for reversal in reversals),
    }


def _sum(documents: int, counts: list[dict[str, Any]]) -> Summary:
    groups: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for count in counts:
        groups.update(count["swaps"])
        pairs.update(count["pairs"])
    return Summary(
        documents,
        sum(count["words"] for count in counts),
        dict(groups.most_common()),
        dict(pairs.most_common(_PAIRS_SHOWN)),
        sum(count["without_swaps"] for count in counts),
    )


def to_reversal(row: dict[str, Any]) -> Reversal:
    """The `Reversal` in a row of the dataset that `reverse_corpus` returns."""
    tells = row["tells"]
    return Reversal(
        row["text"],
        row["counterfactual"],
        array("q", row["swaps"]).tobytes(),
        tuple((tells[i], tells[i + 1]) for i in range(0, len(tells), 2)),
    )


def check_output(output: str | Path) -> Path:
    """Check that an output can be written, before anything is reversed.

    Args:
        output: A file with one of the suffixes of `write_corpus`, or a folder, without a suffix.

    Returns:
        The output as a path.

    Raises:
        OutputError: If the suffix is unsupported, if the output exists and may not be replaced, or if it cannot be
            written.
    """
    if not str(output):
        raise OutputError("the output path is empty; give a file or a folder")
    path = Path(output)
    if path.suffix and path.suffix.lower() not in _FORMS:
        raise OutputError(f"{path}: unsupported suffix; use one of {', '.join(_FORMS)}, or a folder name without a dot")
    if not path.suffix and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path}: exists already; remove it or choose another name")
    if path.suffix and path.is_dir():
        raise OutputError(f"{path}: is a folder; choose another name")
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise OutputError(f"{path}: {parent.name} is a file, not a folder; choose another name")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: {parent} is not writable; choose another folder")
    return path


def write_corpus(dataset: "datasets.Dataset", output: str | Path) -> None:
    """Write a reversed corpus atomically.

    Args:
        dataset: As `reverse_corpus` returns it.
        output: .jsonl or .parquet: rows of text and counterfactual. .txt: the counterfactuals, with blank lines between
            them. No suffix: a folder with all columns, which `datasets.load_from_disk` reads. A file is replaced.

    Raises:
        OutputError: If the suffix is another one, if it is a folder that exists and is not empty, or if it cannot be
            written.
    """

    def write(unfinished: Path) -> None:
        match path.suffix.lower():
            case ".jsonl":
                _write_lines(unfinished, (json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(dataset)))
            case ".txt":
                _write_lines(unfinished, (row["counterfactual"] + "\n\n" for row in _rows(dataset)))
            case ".parquet":
                dataset.select_columns(["text", "counterfactual"]).to_parquet(str(unfinished))
            case _:
                dataset.save_to_disk(str(unfinished))
        check_output(path)  # again, since something may have been written there in the meantime

    path = check_output(output)
    atomic_write(path, write)


def _rows(dataset: "datasets.Dataset") -> Iterator[dict[str, str]]:
    from tqdm import tqdm

    batches = dataset.select_columns(["text", "counterfactual"]).with_format("arrow").iter(_MIN_ROWS)
    with tqdm(total=len(dataset), desc="Writing", unit=" examples", mininterval=0.5, delay=1) as progress:
        for batch in batches:
            yield from batch.to_pylist()
            progress.update(len(batch))


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
