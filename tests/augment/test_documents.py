"""Documents: what one is in each kind of source, and how each broken source is refused."""

import gzip
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augment.documents import DocumentError, read_documents


def texts(source: str | Path, **options: str) -> list[str]:
    dataset = read_documents(source, **options)
    assert dataset.column_names == ["text"]
    return dataset["text"][:]


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_paragraphs_of_a_text_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", "\n\nOne,\nstill one.\n \t\nTwo: é😀\n\n\n\nThree")
    assert texts(path) == ["One,\nstill one.", "Two: é😀", "Three"]


def test_line_endings_inside_a_paragraph_stay(tmp_path: Path) -> None:
    assert texts(written(tmp_path / "a.txt", "a\r\nb\r\n\r\nc\rd\r\n")) == ["a\r\nb", "c\rd"]


def test_a_byte_order_mark_is_not_text(tmp_path: Path) -> None:
    assert texts(written(tmp_path / "a.txt", b"\xef\xbb\xbfa")) == ["a"]


def test_articles_in_the_format_of_wikitext(tmp_path: Path) -> None:
    articles = [
        " = Robert <unk> = \n \n He was born . \n \n = = Career = = \n \n He had \n = 5 = \n a role .",
        " = Homarus gammarus = \n \n A lobster .",
    ]
    path = written(tmp_path / "wiki.txt", " \n" + " \n \n".join(articles) + " \n \n")
    assert texts(path) == articles


def test_rows_of_json_lines(tmp_path: Path) -> None:
    content = '{"body": "a\\n\\nb", "id": 1}\n\n{"body": "", "other": null}\n'
    assert texts(written(tmp_path / "a.jsonl", content), field="body") == ["a\n\nb", ""]


def test_compressed_json_lines(tmp_path: Path) -> None:
    assert texts(written(tmp_path / "a.jsonl.gz", gzip.compress(b'{"text": "a"}\n'))) == ["a"]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_rows_of_parquet(tmp_path: Path, kind: pa.DataType) -> None:
    rows = [f"row {number}" for number in range(600)]
    pq.write_table(pa.table({"text": pa.array(rows).cast(kind), "id": range(600)}), tmp_path / "a.parquet")
    assert texts(tmp_path / "a.parquet") == rows


def test_a_folder_in_the_order_of_its_names(tmp_path: Path) -> None:
    written(tmp_path / "b.txt", "two\n\nthree")
    written(tmp_path / "a.jsonl", '{"text": "one"}')
    written(tmp_path / "README.md", "no document")
    assert texts(tmp_path) == ["one", "two", "three"]


def test_a_saved_dataset(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"body": ["a", "b"], "id": [1, 2]}).save_to_disk(tmp_path / "saved")
    assert texts(tmp_path / "saved", field="body") == ["a", "b"]


def test_a_split_of_a_saved_dataset(tmp_path: Path) -> None:
    splits = {name: datasets.Dataset.from_dict({"text": [name]}) for name in ("train", "test")}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    assert texts(tmp_path / "saved") == ["train"]
    assert texts(tmp_path / "saved", split="test") == ["test"]
    with pytest.raises(DocumentError, match="no split 'dev'; there are train, test"):
        read_documents(tmp_path / "saved", split="dev")


def test_a_dataset_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(name: str, config: str | None, split: str) -> datasets.Dataset:
        asked.append((name, config, split))
        return datasets.Dataset.from_dict({"content": ["a"], "id": [1]})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert texts("Skylion007/openwebtext", field="content", split="test") == ["a"]
    assert texts("Skylion007/openwebtext:train[:1%]", field="content") == ["a"]
    assert texts("Salesforce/wikitext:wikitext-2-raw-v1:test", field="content") == ["a"]
    assert asked == [
        ("Skylion007/openwebtext", None, "test"),
        ("Skylion007/openwebtext", None, "train[:1%]"),
        ("Salesforce/wikitext", "wikitext-2-raw-v1", "test"),
    ]


def test_a_dataset_that_the_hub_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(name: str, config: str | None, split: str) -> datasets.Dataset:
        raise ConnectionError("no network\nat all")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(DocumentError, match=r"some/name: no such file or folder, and .*: no network$"):
        read_documents("some/name")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.txt", "", "a.txt: contains no documents"),
        ("a.txt", " \n\n", "contains no documents"),
        ("a.jsonl", "", "contains no documents"),
        ("a.txt", b"a\nb\xe9c", r"a.txt, line 2, byte 3: not UTF-8 \(0xe9\)"),
        ("a.jsonl", b'{"text": "\xff"}', "line 1, byte 10: not UTF-8"),
        ("a.jsonl", '{"text": "a"}\n{"text": ', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", '{"text": "a"}\n["b"]', r"""line 2: not a JSON object; expected {"text": …}"""),
        ("a.jsonl", '{"body": "a", "id": 1}', "line 1: no field 'text'; there are body, id"),
        ("a.jsonl", '{"text": 5}', "line 1: 'text' is 5, not a string"),
        ("a.jsonl", '{"text": null}', "'text' is null"),
        ("a.jsonl", '{"text": "\\ud800"}', "an unpaired surrogate at position 0"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.csv", "text\na", "unsupported suffix; use one of .txt, .jsonl"),
        ("a.parquet", b"PAR1", "truncated or corrupt Parquet file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: str | bytes, problem: str) -> None:
    refused(written(tmp_path / name, content), problem)


def test_compressed_lines_cut_short(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"text": "a"}\n' * 999)
    refused(written(tmp_path / "cut.jsonl.gz", whole[:-12]), "cut.jsonl.gz: cannot be read")
    damaged = whole[:20] + bytes([whole[20] ^ 0xFF]) + whole[21:]
    refused(written(tmp_path / "damaged.jsonl.gz", damaged), "damaged.jsonl.gz")


def test_parquet_cut_short_without_column_and_without_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "body": [None]}), tmp_path / "whole.parquet")
    refused(tmp_path / "whole.parquet", "no column 'text'; there are id, body")
    refused(tmp_path / "whole.parquet", "row 1: 'body' is null", field="body")
    content = (tmp_path / "whole.parquet").read_bytes()
    refused(
        written(tmp_path / "cut.parquet", content[: len(content) // 2]),
        "cut.parquet: truncated or corrupt Parquet file",
    )


def test_saved_datasets_that_cannot_be_read(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    datasets.Dataset.from_dict({"body": ["a"], "id": [1]}).save_to_disk(saved)
    refused(saved, "no column 'text'; there are body, id")
    refused(saved, "column 'id' holds .*, not strings", field="id")
    (saved / "state.json").unlink()
    refused(saved, "incomplete or corrupt saved dataset", field="body")


def test_a_row_of_a_saved_dataset_that_is_null(tmp_path: Path) -> None:
    rows = ["a"] * 1500 + [None]
    datasets.Dataset.from_dict({"body": rows, "id": range(1501)}).save_to_disk(tmp_path / "saved", num_shards=2)
    refused(tmp_path / "saved", "saved, row 1501: 'body' is null", field="body")


@pytest.mark.parametrize("source", ["none.txt", "./none", "/none/at/all", "a/b/c", "folder/none"])
def test_missing_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    refused(source, "no such file or folder$")


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    refused(tmp_path / "pipe.txt", "pipe.txt: is neither a file nor a folder, and .*; save it as a file")


def test_a_folder_without_documents(tmp_path: Path) -> None:
    refused(tmp_path, "no .txt, .jsonl, .jsonl.gz, .parquet file in this folder")


def refused(source: str | Path, problem: str, **options: str) -> None:
    with pytest.raises(DocumentError, match=problem) as raised:
        read_documents(source, **options)
    assert "\n" not in str(raised.value)


def test_a_cache_is_used_until_the_file_changes(tmp_path: Path) -> None:
    source, cache = written(tmp_path / "a.txt", "a"), tmp_path / "cache"
    first = read_documents(source, cache_dir=cache)
    again = read_documents(source, cache_dir=cache)
    assert first._fingerprint == again._fingerprint
    assert len(list(cache.iterdir())) == 1
    written(source, "changed")
    assert read_documents(source, cache_dir=cache)["text"][:] == ["changed"]


def test_a_failure_leaves_nothing_in_the_cache(tmp_path: Path) -> None:
    with pytest.raises(DocumentError):
        read_documents(written(tmp_path / "a.txt", b"a\n\n\xff"), cache_dir=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_file_is_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []
    record_batch = pa.record_batch

    def counted(columns: list[pa.Array], schema: pa.Schema) -> pa.RecordBatch:
        batches.append(columns[0].nbytes)
        return record_batch(columns, schema=schema)

    monkeypatch.setattr(pa, "record_batch", counted)
    line = json.dumps({"text": "x" * 100_000}) + "\n"
    assert len(read_documents(written(tmp_path / "a.jsonl", line * 200))) == 200
    assert max(batches) < 5_000_000


def test_importing_augment_reads_no_datasets(run_python: Callable[[str], str]) -> None:
    code = "import sys, augment, augment.cli; print([m for m in ('datasets', 'pandas', 'torch') if m in sys.modules])"
    assert run_python(code) == "[]"


@pytest.fixture
def run_python() -> Callable[[str], str]:
    import subprocess

    def run(code: str) -> str:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    return run
