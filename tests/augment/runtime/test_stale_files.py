import os
import subprocess
import sys
import tempfile
from pathlib import Path

from augment.documents import read_documents
from augment.runtime.stale_files import process_unique_prefix, remove_stale_files

READ = """
import os, sys
from augment.documents import read_documents
read_documents(sys.argv[1])
os.kill(os.getpid(), 9)
"""


def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_what_nobody_holds_is_removed(tmp_path: Path) -> None:
    number = gone()
    ours = process_unique_prefix(".out-").removesuffix(f"{os.getpid()}-")
    theirs = ours.removeprefix(".out-")
    keep = [
        ".out-",
        ".out-x-",
        ours,
        f"{ours}{os.getppid()}-a",
        f"{ours}{os.getpid()}-a",
        f".other-{theirs}{number}-a",
        f".out-{number}-backup",
        f".out-00000000-{number}-of_another_machine",
        f".out-{number}-{theirs}{number}-of_another_output",
        f"{ours}{number}-not.ours",
    ]
    for name in (*keep, f"{ours}{number}-file", f"{ours}{10**30}-file"):
        (tmp_path / name).write_text("")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "inner").mkdir(parents=True)
    (tmp_path / f"{ours}{number}-folder" / "inner").mkdir(parents=True)
    (tmp_path / f"{ours}{number}-link").symlink_to(elsewhere)
    remove_stale_files(tmp_path, ".out-")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*keep, "elsewhere"])
    assert (elsewhere / "inner").is_dir()


def test_the_temporary_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path, monkeypatch) -> None:
    text, temporary = tmp_path / "text.txt", tmp_path / "temporary"
    text.write_text("A nurse slept.\n")
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    done = subprocess.run([sys.executable, "-c", READ, text], env=environment, check=False, timeout=120)
    assert done.returncode == -9
    (left,) = temporary.iterdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert read_documents(text)[0]["text"] == "A nurse slept."
    assert not left.exists()
