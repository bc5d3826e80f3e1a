import os
import re
from pathlib import Path

import pytest

from augment.runtime.atomic_write import atomic_write
from augment.runtime.stale_files import process_unique_prefix


def write_folder(text: str, path: Path) -> None:
    (path / "inner").mkdir(parents=True)
    (path / "inner" / "file").write_text(text, encoding="utf-8")


def test_a_failure_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    atomic_write(path, lambda unfinished: unfinished.write_text("old", encoding="utf-8"))

    def fail(unfinished: Path) -> None:
        unfinished.write_text("half", encoding="utf-8")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        atomic_write(path, fail)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fsync", [False, True])
def test_a_folder_is_replaced_as_a_whole(tmp_path: Path, fsync: bool) -> None:
    path = tmp_path / "new" / "student"
    atomic_write(path, lambda unfinished: write_folder("old", unfinished), fsync=fsync)
    (path / "extra").touch()
    atomic_write(path, lambda unfinished: write_folder("new", unfinished), fsync=fsync)
    assert [str(file.relative_to(path)) for file in sorted(path.rglob("*"))] == ["inner", "inner/file"]
    assert (path / "inner" / "file").read_text(encoding="utf-8") == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("nth", [0, 1])
def test_a_folder_that_cannot_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    path = tmp_path / "student"
    write_folder("old", path)
    replace, calls = os.replace, iter(range(9))

    def interrupted(source: Path, target: Path) -> None:
        if next(calls) == nth:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, lambda unfinished: write_folder("new", unfinished))
    assert (path / "inner" / "file").read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_next_write_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    path, names = tmp_path / "a", []
    atomic_write(path, lambda unfinished: (names.append(unfinished.name), unfinished.touch()))
    elsewhere = re.sub("-[0-9a-f]{8}-", "-00000000-", names[0])
    gone = names[0].replace(f"-{os.getpid()}-", f"-{10**30}-")
    for name in (elsewhere, gone, ".a-unfinished", "a.unfinished"):
        (tmp_path / name).mkdir()
    atomic_write(path, Path.touch)
    kept = [".a-unfinished", "a", "a.unfinished"]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*kept, elsewhere])
    atomic_write(path, Path.touch, exclusive=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == kept


def test_what_a_kill_between_two_renames_left_is_put_back(tmp_path: Path) -> None:
    path = tmp_path / "student"
    # A process that no longer runs, killed when the old folder was moved away and the new one not yet in its place.
    dead = tmp_path / process_unique_prefix(".student-").replace(f"-{os.getpid()}-", "-99999999-ab12_unfinished")
    write_folder("old", dead.with_name(f"{dead.name}_replaced"))
    write_folder("new", dead)

    def fail(unfinished: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        atomic_write(path, fail)
    assert (path / "inner" / "file").read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
