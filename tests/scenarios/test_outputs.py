"""Where the results are to lie, and what is read from there: mistakes that every command tells in one line."""

from pathlib import Path

import pytest

from distill.cli.dispatch import main
from tests.fits import fit


def error(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    return shown.strip().splitlines()[-1]


@pytest.mark.parametrize("command", ["preview", "quickstart", "evaluate"])
def test_a_file_where_a_folder_should_be(capsys, recipe, gpt2_folder, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("here")
    given = {"preview": [f"--config={recipe}"], "evaluate": [f"--model={gpt2_folder}"]}.get(command, [])
    line = error(capsys, command, *given, f"--output={tmp_path / 'file' / 'out'}")
    assert line.startswith(f"distill {command}: error: ")
    assert "is a file, not a folder" in line
    assert (tmp_path / "file").read_text() == "here"


def test_a_damaged_checkpoint_is_not_validated(capsys, recipe, tmp_path: Path) -> None:
    (tmp_path / "bad.ckpt").write_bytes(b"PK\x03\x04 no checkpoint")
    with pytest.raises(SystemExit) as caught:
        fit(recipe, tmp_path / "out", f"--ckpt_path={tmp_path / 'bad.ckpt'}", command="validate")
    assert caught.value.code == 2
    assert "bad.ckpt" in capsys.readouterr().err.strip().splitlines()[-1]
