"""Reversing a corpus, and writing it whole or not at all."""

import json
from pathlib import Path

import datasets
import pytest

from augment import RoleReverser
from augment.corpus import OutputError, check_output, reverse_corpus, summarise, to_reversal, write_corpus
from augment.documents import read_documents

REVERSER = RoleReverser()
TEXTS = ["The lady lost her keys.", "Nothing here.\n\nNor 😀.", "Mary saw him.", "", "The king’s Mother"]


@pytest.fixture
def corpus() -> datasets.Dataset:
    return datasets.Dataset.from_dict({"text": TEXTS, "id": range(len(TEXTS))})


@pytest.mark.parametrize("num_proc", [1, 2, 64])
def test_rows_hold_the_reversals(corpus: datasets.Dataset, num_proc: int) -> None:
    reversed_corpus = reverse_corpus(corpus, REVERSER, num_proc)
    assert reversed_corpus.column_names == ["text", "counterfactual", "swaps", "tells"]
    assert [to_reversal(row) for row in reversed_corpus] == REVERSER.reverse_all(TEXTS)


def test_the_cache_lies_where_it_is_told_to(tmp_path: Path) -> None:
    source = tmp_path / "saved"
    datasets.Dataset.from_dict({"text": TEXTS}).save_to_disk(source)
    before = sorted(source.iterdir())
    documents = read_documents(source)
    cache = tmp_path / "cache"
    cache.mkdir()
    first = reverse_corpus(documents, REVERSER, cache_dir=cache)
    assert reverse_corpus(documents, REVERSER, cache_dir=cache)._fingerprint == first._fingerprint
    assert len(list(cache.iterdir())) == 1
    naming = reverse_corpus(documents, RoleReverser(names=True), cache_dir=cache)
    assert naming._fingerprint != first._fingerprint
    assert sorted(source.iterdir()) == before


@pytest.mark.parametrize("num_proc", [1, 2])
def test_summary(corpus: datasets.Dataset, num_proc: int) -> None:
    summary = summarise(reverse_corpus(corpus, RoleReverser(names=True)), REVERSER, num_proc)
    assert (summary.documents, summary.words, summary.without_swaps) == (5, 15, 2)
    assert summary.swaps == {"pronoun": 2, "title": 1, "name": 1, "royalty": 1, "kinship": 1}
    possessive = reverse_corpus(datasets.Dataset.from_dict({"text": ["a ladies’ room, ma’am"]}), REVERSER)
    assert summarise(possessive, REVERSER).swaps == {"title": 2}
    assert "5 documents, 15 words, 6 swaps (400.0 per 1,000 words: pronoun 2, " in str(summary)


def test_summary_of_nothing() -> None:
    nothing = datasets.Dataset.from_dict({"text": [""]})
    assert str(summarise(reverse_corpus(nothing, REVERSER), REVERSER)) == (
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


def test_an_empty_folder_may_stand_there(corpus: datasets.Dataset, tmp_path: Path) -> None:
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
        ("out.csv", "the suffix is to be one of"),
        ("o.v2", "a folder's name has no dot"),
        ("full", "exists already"),
        ("folder.txt", "is a folder"),
        ("full/precious/new/x.jsonl", "precious is a file and no folder"),
    ],
)
def test_outputs_that_cannot_be_written(corpus: datasets.Dataset, tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(OutputError, match=problem):
        write_corpus(corpus, tmp_path / name)


def test_an_output_where_nothing_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augment.corpus.os.access", lambda path, mode: Path(path) != tmp_path)
    with pytest.raises(OutputError, match="is not to be written to"):
        check_output(tmp_path / "new" / "out.jsonl")


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "out.txt", "out"])
def test_a_failure_leaves_what_was_there(
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
