"""What goes wrong around the command: full disks, signals, lost workers, files that nobody would write by hand."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

AUGMENT = [sys.executable, "-c", "from augment.cli import main; main()"]
ROWS = 10_000


def run(*arguments: str, cwd: Path, stdin: bytes = b"", **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*AUGMENT, *arguments], input=stdin, capture_output=True, cwd=cwd, timeout=300, check=False, **options
    )


def last_line(stderr: bytes) -> str:
    text = stderr.decode()
    assert "Traceback" not in text
    return text.splitlines()[-1]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with in.jsonl, and an output that is to stay as it is."""
    line = json.dumps({"text": "The nurse said she lost her keys. " * 20}) + "\n"
    (tmp_path / "in.jsonl").write_text(line * ROWS)
    (tmp_path / "out.jsonl").write_text("before")
    return tmp_path


def test_a_full_disk(corpus: Path, small_disk: Path) -> None:
    (small_disk / "out.jsonl").write_text("before")
    done = run("corpus", "--input", "in.jsonl", "--output", "disk/out.jsonl", "--num_proc", "1", cwd=corpus)
    assert done.returncode == 1
    assert last_line(done.stderr).startswith("augment: failed: ")
    assert "No space left on device" in last_line(done.stderr)
    assert [path.name for path in small_disk.iterdir()] == ["out.jsonl"]
    assert (small_disk / "out.jsonl").read_text() == "before"


def test_a_full_temporary_disk(corpus: Path, small_disk: Path) -> None:
    done = run(
        "corpus", "--input", "in.jsonl", "--output", "out.jsonl", "--num_proc", "1", cwd=corpus,
        env=os.environ | {"TMPDIR": str(small_disk)},
    )  # fmt: skip
    if done.returncode:
        assert "No space left on device" in last_line(done.stderr)
        assert (corpus / "out.jsonl").read_text() == "before"
    assert not list(small_disk.iterdir())


def test_files_that_may_not_grow(corpus: Path) -> None:
    done = run(
        "corpus", "--input", "in.jsonl", "--output", "out.jsonl", "--num_proc", "1", cwd=corpus,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert done.returncode == 1
    assert "File too large" in last_line(done.stderr)
    assert sorted(path.name for path in corpus.iterdir()) == ["in.jsonl", "out.jsonl"]
    assert (corpus / "out.jsonl").read_text() == "before"


def test_text_to_a_full_disk(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*AUGMENT, "text"], input=b"she\n" * 9999, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, last_line(done.stderr)) == (1, "augment: failed: No space left on device")


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_text_without_its_streams(closed: str) -> None:
    command = f"exec {sys.executable} -c 'from augment.cli import main; main([\"text\"])' {closed}"
    done = subprocess.run(["sh", "-c", command], input=b"she\n", stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert "standard input or output is closed" in last_line(done.stderr)


def test_a_line_of_a_hundred_megabytes(tmp_path: Path) -> None:
    line = b"she " + b"x" * 50_000_000 + b" her keys " + b" \xf0\x9f\x98\x80" * 10_000_000 + b" his\n"
    done = run("text", cwd=tmp_path, stdin=line)
    assert done.returncode == 0
    expected = b"he " + line[4:-4].replace(b" her keys ", b" his keys ", 1) + b"hers\n"
    same = done.stdout == expected  # not in the assertion, which would show both
    assert same


def test_a_document_of_a_hundred_megabytes_among_empty_ones(tmp_path: Path) -> None:
    with (tmp_path / "in.jsonl").open("w") as file:
        for text in ("", "she " + "word " * 20_000_000 + "left", " ", "he\x00"):
            file.write(json.dumps({"text": text}) + "\n")
    done = run("corpus", "--input", "in.jsonl", "--output", "out.jsonl", "--num_proc", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line)["counterfactual"] for line in (tmp_path / "out.jsonl").open()]
    same = rows[1] == "he " + "word " * 20_000_000 + "left"
    assert same
    assert rows[::2] == ["", " "]
    assert rows[3] == "she\x00"


def test_a_broken_row_after_a_million(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": ""}\n' * 1_000_000 + '{"text": "she}\n')
    done = run("corpus", "--input", "in.jsonl", "--output", "new/out", cwd=tmp_path)
    assert done.returncode == 2
    assert last_line(done.stderr).startswith("augment: in.jsonl, line 1000001: not JSON (")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"she\x00\n\nhe", None),
        (b"\xff\xfes\x00h\x00e\x00", "line 1, byte 0: not UTF-8 (0xff)"),
        (b"she\n" + "él".encode("latin-1"), "line 2, byte 4: not UTF-8 (0xe9)"),
        (bytes(range(256)), "not UTF-8"),
        (b"", "contains no documents"),
    ],
    ids=["NUL", "UTF-16", "mixed", "binary", "empty"],
)
def test_text_files(tmp_path: Path, content: bytes, problem: str | None) -> None:
    (tmp_path / "in.txt").write_bytes(content)
    done = run("corpus", "--input", "in.txt", "--output", "out.txt", cwd=tmp_path)
    assert done.returncode == (2 if problem else 0)
    if problem:
        assert problem in last_line(done.stderr)
    else:
        assert (tmp_path / "out.txt").read_bytes() == b"he\x00\n\nshe\n\n"


@pytest.mark.parametrize("row", ["[" * 100_000, '{"text": "she", "n": ' + "1" * 5000 + "}", '{"text": "\\ud83d"}'])
def test_rows_that_nobody_would_write_by_hand(tmp_path: Path, row: str) -> None:
    (tmp_path / "in.jsonl").write_text(f'{{"text": ""}}\n{row}\n')
    done = run("corpus", "--input", "in.jsonl", "--output", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 2
    assert last_line(done.stderr).startswith("augment: in.jsonl, line 2: ")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(["--input", "", "--output", "x.txt"], "empty"), (["--input", "in.jsonl", "--output", ""], "empty"),
     (["--input", "in.jsonl", "--output", "/dev/full"], "exists already")],
)  # fmt: skip
def test_names_that_are_none(corpus: Path, arguments: list[str], problem: str) -> None:
    done = run("corpus", *arguments, cwd=corpus)
    assert done.returncode == 2
    assert problem in last_line(done.stderr)


@pytest.mark.parametrize("other", ["in.jsonl", "x.txt", "words.yaml"])
def test_a_summary_replaces_no_other_file(corpus: Path, other: str) -> None:
    (corpus / "words.yaml").write_text("extends: en\ngroups: {}\n", "utf-8")
    before = (corpus / "in.jsonl").read_bytes()
    arguments = ["--input", "in.jsonl", "--output", "x.txt", "--lexicon", "words.yaml", "--summary", other]
    done = run("corpus", *arguments, cwd=corpus)
    assert done.returncode == 2
    assert last_line(done.stderr).endswith("choose another name for the summary")
    assert (corpus / "in.jsonl").read_bytes() == before
    assert not (corpus / "x.txt").exists()


def test_signs_that_a_terminal_obeys_are_not_passed_on(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"\\u001b[31m\\u0007x": "a"}\n', "utf-8")
    done = run("corpus", "--input", "in.jsonl", "--output", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert "there are �[31m�x" in last_line(done.stderr)


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    done = run("corpus", "--input", "none.txt", "--output", "out", "--debug", cwd=tmp_path)
    assert done.returncode == 1
    assert b"Traceback" in done.stderr
    assert done.stderr.endswith(b"none.txt: no such file or folder\n")


def begun(folder: Path) -> subprocess.Popen:
    """The command on two processes, as soon as it has reversed some."""
    process = subprocess.Popen(
        [*AUGMENT, "corpus", "--input", "in.jsonl", "--output", "out.jsonl", "--num_proc", "2"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )  # fmt: skip
    shown = b""
    while not re.search(rb"Reversing.* [1-9]\d*/", shown):
        piece = os.read(process.stderr.fileno(), 1000)
        assert piece, shown
        shown += piece
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whom", [os.kill, os.killpg], ids=["one", "group"])
def test_stopped_by_a_signal(corpus: Path, number: signal.Signals, whom) -> None:
    process = begun(corpus)
    whom(process.pid, number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert last_line(errors) == f"augment: stopped by {number.name}"
    assert b"Exception ignored" not in errors
    assert (corpus / "out.jsonl").read_text() == "before"
    assert not [path for path in corpus.iterdir() if path.name.startswith("augment-")]


def test_killed_and_started_again(corpus: Path) -> None:
    process = begun(corpus)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)
    assert (corpus / "out.jsonl").read_text() == "before"
    done = run("corpus", "--input", "in.jsonl", "--output", "out.jsonl", "--num_proc", "2", cwd=corpus)
    assert done.returncode == 0, done.stderr
    assert re.search(rb"Reversing.* [1-9]\d*/", done.stderr.partition(b"\r")[2].partition(b"\r")[0])
    assert sum(1 for _ in (corpus / "out.jsonl").open()) == ROWS
    assert sorted(path.name for path in corpus.iterdir() if path.is_file()) == ["in.jsonl", "out.jsonl"]
    assert not (corpus / ".out.jsonl.unfinished").exists()


def test_workers_end_when_their_parent_was_killed(corpus: Path) -> None:
    process = begun(corpus)
    process.kill()
    # Workers hold the other end of this pipe as long as they live.
    process.communicate(timeout=20)
