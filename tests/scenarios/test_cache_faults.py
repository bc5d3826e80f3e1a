"""The cache of packed text, and the disks that runs write to: damaged, shared, left over, full."""

import errno
import json
import logging
import multiprocessing
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from augment import RoleReverser
from augment.documents import DocumentError
from distill.data.packing import Corpus, PackedText, pack
from tests.fits import refused
from tests.fixtures.warm_interpreter import WarmInterpreter

ARRAYS = ("tokens", "counterfactual", "shift", "flags", "starts")


def packed(corpus: Path, tokenizer, cache: Path) -> PackedText:
    return pack(Corpus((str(corpus / "validation.jsonl"),)), RoleReverser(), tokenizer, 1, cache)


def content(text: PackedText) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in text.folder.iterdir()}


@pytest.mark.parametrize("name", [f"{name}.bin" for name in ARRAYS] + ["meta.json"])
@pytest.mark.parametrize("damage", ["removed", "emptied", "cut", "changed"])
def test_a_damaged_cache_is_packed_again(corpus, tokenizer, tmp_path: Path, caplog, name: str, damage: str) -> None:
    whole = content(packed(corpus, tokenizer, tmp_path))
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    file = folder / name
    if damage == "removed":
        file.unlink()
    elif damage == "changed":
        middle = len(whole[name]) // 2
        file.write_bytes(whole[name][:middle] + bytes([whole[name][middle] ^ 1]) + whole[name][middle + 1 :])
    else:
        file.write_bytes(b"" if damage == "emptied" else whole[name][:-3])
    with caplog.at_level(logging.WARNING):
        assert content(packed(corpus, tokenizer, tmp_path)) == whole
    assert "is corrupt" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


WRONG_META = {
    "no checksums": {"crc32": None},
    "a checksum is missing": {"crc32": {"tokens": 1}},
    "no sizes": {"bytes": {}},
    "a type that is none": {"token_type": "uint3"},
    "another type": {"token_type": "uint32"},
    "another number of tokens": {"tokens": 5},
    "tokens that are no number": {"tokens": "5"},
    "sources of other documents": {"sources": [["a.txt", 1]]},
    "sources that are none": {"sources": 7},
}


@pytest.mark.parametrize("wrong", WRONG_META.values(), ids=WRONG_META)
def test_a_description_that_is_wrong_is_packed_again(
    corpus, tokenizer, tmp_path: Path, caplog, wrong: dict[str, object]
) -> None:
    text = packed(corpus, tokenizer, tmp_path)
    whole = content(text)
    (text.folder / "meta.json").write_text(json.dumps(json.loads(whole["meta.json"]) | wrong))
    with caplog.at_level(logging.WARNING):
        assert content(packed(corpus, tokenizer, tmp_path)) == whole
    assert "is corrupt" in caplog.text


def test_what_a_killed_process_left_is_removed(corpus, tokenizer, tmp_path: Path) -> None:
    key = packed(corpus, tokenizer, tmp_path / "whole").folder.name
    left = tmp_path / "cache" / f".{key}-0123abcd-1-of_another_machine_unfinished"
    left.mkdir(parents=True)
    (left / "tokens.bin").write_bytes(b"half")
    (tmp_path / "cache" / f"{key}.lock").touch()
    packed(corpus, tokenizer, tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [key]


def test_a_text_that_may_not_be_read_is_the_users_mistake(capsys, recipe, tmp_path: Path, monkeypatch) -> None:
    def denied(file: Path, *_: int) -> str:  # root may read anything
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))

    monkeypatch.setattr("distill.data.cache_key._file_hash", denied)
    text = tmp_path / "secret.txt"
    text.write_text("The nurse said that she was late.")
    error = refused(capsys, recipe, tmp_path / "run", f"--data.train={text}")
    assert error == f"distill fit: error: {text}: cannot be read: Permission denied"


@pytest.mark.parametrize("num_proc", [1, 2])
def test_a_text_that_fails_while_it_is_read_is_no_fault_of_the_cache(
    corpus, tokenizer, tmp_path: Path, monkeypatch, num_proc: int
) -> None:
    def broken(*_) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("datasets.Dataset.iter", broken)
    source = str(corpus / "validation.jsonl")
    with pytest.raises(DocumentError, match=f"^{re.escape(source)}: cannot be read: Input/output error$"):
        pack(Corpus((source,)), RoleReverser(), tokenizer, num_proc, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_folder_that_may_not_be_listed_is_the_users_mistake(tokenizer, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "secret"
    folder.mkdir()
    listed = Path.iterdir

    def denied(path: Path) -> Iterator[Path]:  # root may list anything
        if path == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(DocumentError, match="secret: cannot be read: Permission denied"):
        pack(Corpus((str(folder),)), RoleReverser(), tokenizer, 1, tmp_path / "cache")


def test_processes_that_want_the_same_text_share_it(corpus, tokenizer, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=packed, args=(corpus, tokenizer, tmp_path / "cache")) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    (folder,) = (tmp_path / "cache").iterdir()
    assert content(PackedText.open(folder)) == content(packed(corpus, tokenizer, tmp_path / "whole"))


def fill(disk: Path) -> None:
    """Leave 20 kB."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize
    (disk / "filler").write_bytes(bytes(free - 20_000))


@pytest.mark.parametrize("full", ["cache", "output"])
def test_a_fit_on_a_full_disk(recipe, small_disk: Path, tmp_path: Path, warm: WarmInterpreter, full: str) -> None:
    fill(small_disk)
    places = {name: (small_disk if name == full else tmp_path) / name for name in ("cache", "output")}
    done = warm.run(
        "distill", "fit", f"--config={recipe}", f"--data.cache_dir={places['cache']}",
        f"--trainer.default_root_dir={places['output']}",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr[-2000:]
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("distill fit: failed: ")
    assert "Traceback" not in done.stderr
    assert not (places["output"] / "student").exists()
    assert not [path for path in small_disk.rglob("*") if "unfinished" in path.name]


def test_an_evaluation_on_a_full_disk(gpt2_folder, small_disk: Path, warm: WarmInterpreter) -> None:
    fill(small_disk)
    done = warm.run(
        "distill", "evaluate", f"--model={gpt2_folder}", f"--output={small_disk / 'out'}", "--preset=smoke",
        "--max_new_tokens=20",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr[-2000:]
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("distill evaluate: failed: ")
    assert "No space left on device" in line
    assert "Traceback" not in done.stderr
    assert not (small_disk / "out" / "metrics.json").exists()
