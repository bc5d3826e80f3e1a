import threading
from pathlib import Path

import pytest

from augment.runtime.locks import locked


class BusyError(Exception):
    pass


def refuse() -> None:
    raise BusyError


def test_the_lock_is_free_again_and_leaves_no_file(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "folder" / ".lock", refuse):
            assert (tmp_path / "folder" / ".lock").exists()
    assert list((tmp_path / "folder").iterdir()) == []


def test_another_thread_is_busy_too(tmp_path: Path) -> None:
    with locked(tmp_path / ".lock", refuse), pytest.raises(BusyError), locked(tmp_path / ".lock", refuse):
        pass
    with locked(tmp_path / ".lock", refuse):
        pass


def test_another_thread_may_wait(tmp_path: Path) -> None:
    waiting, order = threading.Event(), []

    def wait_for_it() -> None:
        with locked(tmp_path / ".lock", waiting.set):
            order.append("second")

    with locked(tmp_path / ".lock", refuse):
        thread = threading.Thread(target=wait_for_it)
        thread.start()
        assert waiting.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
