"""`distill openings` as a user runs it."""

import json
import shutil
from pathlib import Path

import pytest

from distill.cli.dispatch import main


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def refused(*arguments: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["openings", *arguments])
    assert caught.value.code == 2


def test_openings_are_a_training_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "openings.jsonl"
    main(["openings", f"--output={output}", "--count=200", "--gendered_share=0.25"])
    written = rows(output)
    assert [sorted(row) for row in written] == [["kind", "subject", "text"]] * 200
    assert sum(row["kind"] == "person" for row in written) == 50
    printed = capsys.readouterr().out
    assert "200 openings" in printed
    assert "50 about people whose gender is known; 0 of them continued" in printed
    assert "named 0 times" in printed


def test_a_model_continues_some_of_them(gpt2_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare, longer, again = (tmp_path / f"{name}.jsonl" for name in ("bare", "longer", "again"))
    options = ["--count=80", "--max_new_tokens=5", "--seed=3"]
    main(["openings", f"--output={bare}", *options])
    for output in (longer, again):
        main(["openings", f"--output={output}", *options, f"--model={gpt2_folder}", "--continued=0.25"])
    assert longer.read_bytes() == again.read_bytes()
    pairs = [(one["text"], other["text"]) for one, other in zip(rows(bare), rows(longer), strict=True)]
    assert all(long.startswith(short) for short, long in pairs)
    assert 15 <= sum(long != short for short, long in pairs) <= 20
    assert [row.get("writer") for row in rows(longer)] == [gpt2_folder.name] * 20 + [None] * 60


def test_another_model_writes_another_text(
    gpt2_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, other = tmp_path / "openings.jsonl", shutil.copytree(gpt2_folder, tmp_path / "another")
    options = (f"--output={output}", "--count=10", "--max_new_tokens=3", "--continued=1")
    main(["openings", *options, f"--model={gpt2_folder}"])
    before = output.read_bytes()
    main(["openings", *options, f"--model={gpt2_folder}"])
    assert "exists already and is kept" in capsys.readouterr().out
    for change in ([f"--model={other}"], [f"--model={gpt2_folder}", "--continued=0.5"], []):
        refused(*options, *change)
        assert "holds something else" in capsys.readouterr().err
        assert output.read_bytes() == before
    main(["openings", f"--output={tmp_path / 'bare.jsonl'}", "--count=10"])
    refused(*options, f"--model={gpt2_folder}", f"--output={tmp_path / 'bare.jsonl'}")


def test_what_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "openings.jsonl"
    main(["openings", f"--output={output}", "--count=20"])
    before = output.read_bytes()
    main(["openings", f"--output={output}", "--count=20"])
    assert "exists already and is kept" in capsys.readouterr().out
    refused(f"--output={output}", "--count=21")
    assert "add --overwrite" in capsys.readouterr().err
    assert output.read_bytes() == before
    main(["openings", f"--output={output}", "--count=21", "--overwrite=true"])
    assert len(rows(output)) == 21


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--count=0", "--count is 0"),
        ("--gendered_share=1.5", "--gendered_share is 1.5"),
        ("--continued=-1", "--continued is -1"),
        ("--max_new_tokens=0", "max_new_tokens is 0"),
        ("--gguf_file=a.gguf", "give the model, too"),
    ],
)
def test_mistakes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, message: str) -> None:
    refused(f"--output={tmp_path / 'o.jsonl'}", option)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
