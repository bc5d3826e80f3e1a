"""The role reversal of a whole corpus, on all cores, and the writing of it."""

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.reversal import Reversal, RoleReverser, Swap

if TYPE_CHECKING:
    import datasets

_FORMS = (".jsonl", ".parquet", ".txt")


class OutputError(ValueError):
    """An output that cannot be written: says why, and what to do."""


@dataclass(frozen=True)
class Summary:
    """What a reversal did: documents, words (between blanks), swaps by group of the lexicon, documents without any."""

    documents: int
    words: int
    swaps: dict[str, int]
    without_swaps: int

    def __str__(self) -> str:
        total = sum(self.swaps.values())
        per_thousand = 1000 * total / self.words if self.words else 0.0
        groups = ", ".join(f"{group} {count:,}" for group, count in self.swaps.items())
        return (
            f"{self.documents:,} documents, {self.words:,} words, {total:,} swaps ({per_thousand:.1f} per 1,000 words"
            f"{': ' + groups if groups else ''}), {self.without_swaps:,} documents without any"
        )


def reverse_corpus(
    dataset: "datasets.Dataset", reverser: RoleReverser, num_proc: int = 1, cache_dir: str | Path | None = None
) -> "datasets.Dataset":
    """Reverse the column `text` of a dataset, on `num_proc` processes.

    The result has the columns text and counterfactual (strings), swaps and tells: the fields of each `Swap`, and the
    (start, end) of each tell, one after the other in a list of integers; `to_reversal` reads them. A row for every
    row, in order. What was computed once for this dataset and reverser is found again in `cache_dir`, or, without one,
    in the dataset's own cache.
    """
    from datasets import Features, List, Value

    features = Features(
        text=dataset.features["text"],
        counterfactual=Value("string"),
        swaps=List(Value("int32")),
        tells=List(Value("int32")),
    )
    state = f"{dataset._fingerprint} {reverser.fingerprint}"
    fingerprint = hashlib.sha256(state.encode()).hexdigest()[:16]
    return dataset.select_columns(["text"]).map(
        _reverse_batch,
        fn_kwargs={"reverser": reverser},
        batched=True,
        num_proc=_processes(dataset, num_proc),
        features=features,
        new_fingerprint=fingerprint,
        cache_file_name=None if cache_dir is None else str(Path(cache_dir) / f"reversed-{fingerprint}.arrow"),
        desc="Reversing",
    )


def to_reversal(row: dict[str, Any]) -> Reversal:
    """The `Reversal` that a row of `reverse_corpus` holds."""
    swaps, tells = row["swaps"], row["tells"]
    return Reversal(
        row["text"],
        row["counterfactual"],
        tuple(Swap(*swaps[i : i + 4], bool(swaps[i + 4])) for i in range(0, len(swaps), 5)),
        tuple((tells[i], tells[i + 1]) for i in range(0, len(tells), 2)),
    )


def summarise(dataset: "datasets.Dataset", reverser: RoleReverser, num_proc: int = 1) -> Summary:
    """Count what `reverse_corpus` did."""
    counts = dataset.map(
        _count_batch,
        fn_kwargs={"group_of": reverser.lexicon.group_of},
        batched=True,
        num_proc=_processes(dataset, num_proc),
        remove_columns=dataset.column_names,
        keep_in_memory=True,
        desc="Counting",
    )
    swaps: Counter[str] = Counter()
    for groups in counts["swaps"]:
        swaps.update(json.loads(groups))
    return Summary(len(dataset), sum(counts["words"]), dict(swaps.most_common()), sum(counts["without_swaps"]))


def check_output(output: str | Path) -> Path:
    """The path, if something can be written there in a form that its suffix names; `OutputError` otherwise."""
    if not str(output):
        raise OutputError("the name of the output is empty; give a file or a folder")
    path = Path(output)
    if path.suffix and path.suffix.lower() not in _FORMS:
        raise OutputError(f"{path}: the suffix is to be one of {', '.join(_FORMS)}; a folder's name has no dot")
    if not path.suffix and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path}: exists already; remove it or choose another")
    if path.suffix and path.is_dir():
        raise OutputError(f"{path}: is a folder; choose another name")
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise OutputError(f"{path}: {parent.name} is a file and no folder; choose another name")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: {parent} is not to be written to; choose another folder")
    return path


def write_corpus(dataset: "datasets.Dataset", output: str | Path) -> None:
    """Write what `reverse_corpus` returned, whole or not at all.

    .jsonl, .parquet: rows of text and counterfactual. .txt: the counterfactuals, a blank line between them. No suffix:
    a folder that `datasets.load_from_disk` reads, with all columns. Raises `OutputError` for any other suffix and for
    a folder that exists already; a file is replaced.
    """
    path = check_output(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    partial = beside / path.name
    try:
        match path.suffix.lower():
            case ".jsonl":
                _write_lines(partial, (json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(dataset)))
            case ".txt":
                _write_lines(partial, (row["counterfactual"] + "\n\n" for row in _rows(dataset)))
            case ".parquet":
                dataset.select_columns(["text", "counterfactual"]).to_parquet(str(partial))
            case _:
                dataset.save_to_disk(str(partial))
        os.replace(partial, path)
    finally:
        shutil.rmtree(beside)


def _reverse_batch(batch: dict[str, list[Any]], reverser: RoleReverser) -> dict[str, list[Any]]:
    reversals = [reverser.reverse(text) for text in batch["text"]]
    return {
        "text": batch["text"],
        "counterfactual": [reversal.counterfactual for reversal in reversals],
        "swaps": [[int(number) for swap in reversal.swaps for number in swap] for reversal in reversals],
        "tells": [[number for tell in reversal.tells for number in tell] for reversal in reversals],
    }


def _count_batch(batch: dict[str, list[Any]], group_of: dict[str, str]) -> dict[str, list[Any]]:
    groups: Counter[str] = Counter()
    for text, swaps in zip(batch["text"], batch["swaps"], strict=True):
        for start, end in zip(swaps[::5], swaps[1::5], strict=True):
            # A swapped word that the lexicon does not have is a first name.
            word = text[start:end].lower().replace("’", "'")
            groups[group_of.get(word) or group_of.get(word.partition("'")[0], "name")] += 1
    return {
        "words": [sum(len(text.split()) for text in batch["text"])],
        "swaps": [json.dumps(groups)],
        "without_swaps": [sum(not swaps for swaps in batch["swaps"])],
    }


def _processes(dataset: "datasets.Dataset", num_proc: int) -> int | None:
    used = min(num_proc, len(dataset))
    return used if used > 1 else None


def _rows(dataset: "datasets.Dataset") -> Any:
    return iter(dataset.select_columns(["text", "counterfactual"]))


def _write_lines(path: Path, lines: Any) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
