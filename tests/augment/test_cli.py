"""The command, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from augment.runtime.locks import locked

AUGMENT = [sys.executable, "-c", "from augment.cli import main; main()"]


def run(
    *arguments: str, stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*AUGMENT, *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )


def test_text_line_by_line_and_byte_for_byte() -> None:
    done = run("text", stdin=b"She lost her keys.\r\n\tnothing\n\n\xff he \xe2\x80\x99\nno end, sir")
    assert done.stdout == b"He lost his keys.\r\n\tnothing\n\n\xff she \xe2\x80\x99\nno end, madam"
    assert (done.returncode, done.stderr) == (0, b"")


def test_text_is_utf8_whatever_the_locale() -> None:
    done = run("text", stdin="la señora 😀".encode(), LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="latin-1")
    assert done.stdout.decode() == "la señor 😀"


def test_names() -> None:
    assert run("text", stdin=b"then Mary left").stdout == b"then Mary left"
    assert run("text", "--names", stdin=b"then Mary left").stdout == b"then James left"


def test_diff_shows_what_changed() -> None:
    done = run("text", "--diff", stdin=b"nothing\r\nShe lost her keys.\r\n\xff\n\xff he\n")
    assert done.stdout == b"2: [-She-]{+He+} lost [-her-]{+his+} keys.\n4: \xff [-he-]{+she+}\n"


def test_diff_is_coloured_on_a_terminal() -> None:
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    ours, theirs = pty.openpty()
    subprocess.run([*AUGMENT, "text", "--diff"], input=b"he\n", stdout=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 1000) == b"1: \x1b[31mhe\x1b[0m\x1b[32mshe\x1b[0m\r\n"
    os.close(ours)


def test_a_closed_output_pipe_is_silent() -> None:
    process = subprocess.Popen(
        [*AUGMENT, "text"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(b"he said\n" * 100_000)
    assert errors == b""
    assert process.returncode == 141


@pytest.mark.parametrize("command", [[], ["text"], ["corpus"]])
def test_help(command: list[str]) -> None:
    done = run(*command, "--help", COLUMNS="100")
    assert done.returncode == 0
    assert b"usage: augment" in done.stdout
    if command:
        assert b"examples:" in done.stdout


def test_corpus(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"body": "she"}\n{"body": "it"}\n')
    done = run(
        "corpus", "--input", "in.jsonl", "--field", "body", "--output", "out.jsonl", "--num_proc", "2", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows == [{"text": "she", "counterfactual": "he"}, {"text": "it", "counterfactual": "it"}]
    assert done.stdout == b""
    assert done.stderr.decode().splitlines()[-1] == (
        "out.jsonl: 2 documents, 2 words, 1 swaps (500.0 per 1,000 words: pronoun 1), 1 documents without any"
    )


def test_corpus_leaves_no_caches(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("work", "home", "temporary")}
    for place in places.values():
        place.mkdir()
    (places["work"] / "in.txt").write_text("he")
    done = run(
        "corpus", "--input", "in.txt", "--output", "out", cwd=places["work"],
        HOME=str(places["home"]), HF_HOME=str(places["home"] / "hf"), TMPDIR=str(places["temporary"]),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in places["work"].iterdir()) == ["in.txt", "out"]
    assert not [path for path in places["home"].rglob("*") if path.is_file()]
    assert not list(places["temporary"].iterdir())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--input", "none.txt", "--output", "out"], "none.txt: no such file or folder"),
        (["--input", "in.jsonl", "--output", "out.csv"], "out.csv: unsupported suffix; use one of"),
        (["--input", "in.jsonl", "--output", "in.jsonl"], "in.jsonl: is also the input"),
        (["--input", "in.jsonl", "--output", "full"], "full: exists already"),
        (["--input", "full", "--output", "full/out.jsonl"], "full/out.jsonl: is inside the input"),
        (["--input", ".", "--output", "new/out"], "new/out: is inside the input"),
        (["--input", "in.jsonl", "--output", "in.jsonl/x.jsonl"], "in.jsonl is a file, not a folder"),
        (["--input", "in.jsonl", "--output", "new/out", "--field", "x"], "line 1: no field 'x'; there are text"),
        (["--input", "in.jsonl"], "--output"),
        (["--input", "in.jsonl", "--output", "out", "--num_pro", "1"], "unrecognized arguments: --num_pro"),
        (["--input", "in.jsonl", "--output", "out", "--num_proc", "0"], "'0' is not a positive integer"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: list[str], problem: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "she"}')
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").touch()
    before = sorted(tmp_path.rglob("*"))
    done = run("corpus", *arguments, cwd=tmp_path)
    message = done.stderr.decode().splitlines()[-1]
    assert done.returncode == 2
    assert message.startswith("augment")
    assert problem in message
    assert "Traceback" not in done.stderr.decode()
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "in.jsonl").read_text() == '{"text": "she"}'


def test_no_command_is_a_mistake() -> None:
    assert run().returncode == 2


def test_shards_and_summary(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("she\n\nhe\n\nher keys")
    written = []
    for index in (1, 2):
        done = run(
            "corpus", "--input", "in.txt", "--output", f"{index}.txt", "--shard", f"{index}/2",
            "--summary", f"{index}.json", "--num_proc", "1", cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        written.append((tmp_path / f"{index}.txt").read_text())
    assert "".join(written) == "he\n\nshe\n\nhis keys\n\n"
    assert json.loads((tmp_path / "1.json").read_text())["pairs"] == {"she → he": 1, "he → she": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.json", "1.txt", "2.json", "2.txt", "in.txt"]
    done = run("corpus", "--input", "in.txt", "--output", "x.txt", "--shard", "4/4", "--num_proc", "1", cwd=tmp_path)
    assert done.returncode == 2
    assert "3 documents are fewer than 4 shards" in done.stderr.decode()
    for wrong in ("0/2", "3/2", "1", "a/b"):
        assert run("corpus", "--input", "in.txt", "--output", "z.txt", "--shard", wrong, cwd=tmp_path).returncode == 2


def test_a_second_run_into_one_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("She left.")
    with locked(tmp_path / ".out.jsonl.lock", pytest.fail):
        second = run("corpus", "--input", "in.txt", "--output", "out.jsonl", cwd=tmp_path)
        assert second.returncode == 2
        assert b"another run is writing it" in second.stderr
        assert not (tmp_path / "out.jsonl").exists()
    assert run("corpus", "--input", "in.txt", "--output", "out.jsonl", cwd=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"in.txt", "out.jsonl"}


def test_to_one_gender() -> None:
    assert run("text", "--to", "female", stdin=b"He saw her.").stdout == b"She saw her."
    assert run("text", "--to", "male", stdin=b"He saw her.").stdout == b"He saw him."


def test_a_custom_lexicon(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("groups: {g: [{male: fox, female: vixen}]}")
    assert run("text", "--lexicon", "mine.yaml", stdin=b"She saw a fox", cwd=tmp_path).stdout == b"She saw a vixen"
    assert run("text", "--lexicon", "none.yaml", stdin=b"", cwd=tmp_path).returncode == 2


def test_an_explanation_is_about_whole_words_only() -> None:
    assert "hi guys" not in run("lexicon", "his").stdout.decode()


def test_lexicon_says_how_and_why() -> None:
    whole = run("lexicon").stdout.decode()
    assert "he ↔ she" in whole
    assert "pairs, " in whole.splitlines()[-1]
    explained = run("lexicon", "her", "king", "hostess", "pregnant", "Mary", "table").stdout.decode()
    for line in (
        "her: becomes his as determiner (pronoun)",
        "her: becomes him (pronoun)",
        "king: stays in “king size*”: a size",
        "king: a surname, which stays, after a title",
        "hostess: becomes host",
        "pregnant: stays, and reveals a gender",
        "Mary: a first name; with --names it becomes James",
        "table: is not exchanged",
    ):
        assert line in explained
    together = ["step-mother", "Mrs.", "king-sized", "lion king", "her a king size bed", "Mary Smith"]
    assert run("lexicon", *together).stdout.decode().splitlines() == [
        "step-mother: becomes step-father",
        "Mrs.: becomes Mr.",
        "king-sized: stays in “king size*”: a size",
        "lion king: becomes lion queen",
        "her a king size bed: stays in “king size*”: a size",
        "her a king size bed: becomes him a king size bed",
        "Mary Smith: is not exchanged",
    ]
    assert Path(run("lexicon", "--path").stdout.decode().strip()).name == "en.yaml"
