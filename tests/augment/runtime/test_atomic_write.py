from pathlib import Path

import pytest

from augment.runtime.atomic_write import write_whole


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_whole(path, lambda beside: beside.write_text("old", encoding="utf-8"))

    def fail(beside: Path) -> None:
        beside.write_text("half", encoding="utf-8")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, fail)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
