"""Reversing a corpus, and writing it atomically."""

import json
import tempfile
from pathlib import Path

import datasets
import pytest

from augment import RoleReverser
from augment import corpus as corpus_module
from augment.corpus import OutputError, Summary, check_output, shard, to_reversal, write_corpus
from augment.documents import read_documents

REVERSER = RoleReverser()
TEXTS = ["The lady lost her keys.", "Nothing here.\n\nNor 😀.", "Mary saw him.", "", "The king’s Mother"]


def reverse_corpus(dataset: datasets.Dataset, reverser: RoleReverser, num_proc: int = 1) -> datasets.Dataset:
    return reversed_and_counted(dataset, reverser, num_proc)[0]


def reversed_and_counted(
    dataset: datasets.Dataset, reverser: RoleReverser, num_proc: int = 1
) -> tuple[datasets.Dataset, Summary]:
    with tempfile.TemporaryDirectory() as folder:
        return corpus_module.reverse_corpus(dataset, reverser, folder, num_proc)


@pytest.fixture
def corpus() -> datasets.Dataset:
    return datasets.Dataset.from_dict({"text": TEXTS, "id": range(len(TEXTS))})


def test_a_corpus_without_documents_has_its_columns(corpus: datasets.Dataset) -> None:
    reversed_corpus, summary = reversed_and_counted(corpus.select([]), REVERSER)
    assert reversed_corpus.column_names == ["text", "counterfactual", "swaps", "tells"]
    assert (len(reversed_corpus), summary.documents, summary.words) == (0, 0, 0)


@pytest.mark.parametrize("num_proc", [1, 2, 64])
def test_rows_hold_the_reversals(corpus: datasets.Dataset, num_proc: int) -> None:
    reversed_corpus = reverse_corpus(corpus, REVERSER, num_proc)
    assert reversed_corpus.column_names == ["text", "counterfactual", "swaps", "tells"]
    assert [to_reversal(row) for row in reversed_corpus] == REVERSER.reverse_all(TEXTS)


@pytest.mark.parametrize("num_proc", [1, 2])
def test_finished_pieces_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_proc: int) -> None:
    monkeypatch.setattr(corpus_module, "_MIN_ROWS", 2)
    dataset = datasets.Dataset.from_dict({"text": [f"{number}: she" for number in range(9)]})
    first, summary = corpus_module.reverse_corpus(dataset, REVERSER, tmp_path, num_proc, "state")
    pieces = sorted(tmp_path.glob("*.json"))
    assert len(pieces) == 5
    pieces[1].unlink()  # as if killed before the piece was whole
    before = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.glob("*.arrow"))}
    again, same = corpus_module.reverse_corpus(dataset, REVERSER, tmp_path, num_proc, "state")
    assert [path for path in before if path.stat().st_mtime_ns != before[path]] == [sorted(before)[1]]
    assert same == summary
    assert again["counterfactual"][:] == first["counterfactual"][:] == [f"{number}: he" for number in range(9)]
    corpus_module.reverse_corpus(dataset, RoleReverser(names=True), tmp_path, num_proc, "state")
    assert len(list(tmp_path.glob("*.json"))) == 10


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_shards_are_the_corpus(corpus: datasets.Dataset, number: int) -> None:
    shards = [shard(corpus, index, number)["text"][:] for index in range(1, number + 1)]
    assert [text for texts in shards for text in texts] == TEXTS


@pytest.mark.parametrize("num_proc", [1, 2])
def test_summary(corpus: datasets.Dataset, num_proc: int) -> None:
    _, summary = reversed_and_counted(corpus, RoleReverser(names=True), num_proc)
    assert (summary.documents, summary.words, summary.without_swaps) == (5, 15, 2)
    assert summary.swaps == {"pronoun": 2, "title": 1, "name": 1, "royalty": 1, "kinship": 1}
    assert summary.pairs["her → his"] == summary.pairs["king → queen"] == 1
    possessive = datasets.Dataset.from_dict({"text": ["a ladies’ room, ma’am"]})
    assert reversed_and_counted(possessive, REVERSER)[1].swaps == {"title": 2}
    assert "5 documents, 15 words, 6 swaps (400.0 per 1,000 words: pronoun 2, " in str(summary)
    assert json.loads(summary.to_json())["swaps"] == summary.swaps


def test_summary_of_nothing() -> None:
    nothing = datasets.Dataset.from_dict({"text": [""]})
    assert str(reversed_and_counted(nothing, REVERSER)[1]) == (
        "1 documents, 0 words, 0 swaps (0.0 per 1,000 words), 1 documents without any"
    )


EXPECTED = [{"text": text, "counterfactual": REVERSER.reverse(text).counterfactual} for text in TEXTS]


def test_json_lines(corpus: datasets.Dataset, tmp_path: Path) -> None:
    write_corpus(reverse_corpus(corpus, REVERSER), tmp_path / "new" / "out.jsonl")
    lines = (tmp_path / "new" / "out.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == EXPECTED
    assert "😀" in lines[1]


def test_parquet(corpus: datasets.Dataset, tmp_path: Path) -> None:
    write_corpus(reverse_corpus(corpus, REVERSER), tmp_path / "out.parquet")
    assert read_documents(tmp_path / "out.parquet", field="counterfactual")["text"][:] == [
        row["counterfactual"] for row in EXPECTED
    ]


def test_text_reads_back_as_the_same_documents(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"He\r\nran.\n\n\nShe fell.\n")
    write_corpus(reverse_corpus(read_documents(tmp_path / "in.txt"), REVERSER), tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_bytes() == b"She\r\nran.\n\nHe fell.\n\n"


def test_a_folder_holds_all_columns(corpus: datasets.Dataset, tmp_path: Path) -> None:
    write_corpus(reverse_corpus(corpus, REVERSER), tmp_path / "out")
    saved = datasets.load_from_disk(str(tmp_path / "out"))
    assert [to_reversal(row) for row in saved] == REVERSER.reverse_all(TEXTS)


def test_an_empty_folder_is_replaced(corpus: datasets.Dataset, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_corpus(reverse_corpus(corpus, REVERSER), tmp_path / "out")
    assert len(datasets.load_from_disk(str(tmp_path / "out"))) == len(TEXTS)


def test_a_file_is_replaced(corpus: datasets.Dataset, tmp_path: Path) -> None:
    (tmp_path / "out.txt").write_text("before")
    write_corpus(reverse_corpus(corpus, REVERSER), tmp_path / "out.txt")
    assert "gentleman" in (tmp_path / "out.txt").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("out.csv", "unsupported suffix; use one of"),
        ("o.v2", "a folder name without a dot"),
        ("full", "exists already"),
        ("folder.txt", "is a folder"),
        ("full/precious/new/x.jsonl", "precious is a file, not a folder"),
    ],
)
def test_outputs_that_cannot_be_written(corpus: datasets.Dataset, tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(OutputError, match=problem):
        write_corpus(corpus, tmp_path / name)


def test_an_output_in_a_folder_that_is_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augment.corpus.os.access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(OutputError, match="is not writable"):
        check_output(tmp_path / "new" / "out.jsonl")


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out.txt", "out"])
def test_a_failure_leaves_the_older_output(
    corpus: datasets.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    if Path(name).suffix:
        (tmp_path / name).write_text("before")
    monkeypatch.setattr("augment.corpus.os.replace", fail)
    with pytest.raises(OSError, match="no space left"):
        write_corpus(reverse_corpus(corpus, REVERSER), tmp_path / name)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"] * bool(Path(name).suffix)
