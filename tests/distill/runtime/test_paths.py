"""Whether a folder is writable, before anything is written."""

import pytest

from distill.errors import UserError
from distill.runtime.paths import check_writable


def test_a_folder_that_does_not_exist_yet_is_not_created(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(UserError, match="is a file, not a folder"):
        check_writable(tmp_path / "file" / "run")


def test_a_folder_that_may_only_be_read_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("distill.runtime.paths.os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(UserError, match=r"run' cannot be written: no permission"):
        check_writable(tmp_path / "run")
    with pytest.raises(UserError, match=r"data.cache_dir '.*run' cannot be written"):
        check_writable(tmp_path / "run", "data.cache_dir")
