"""One process at a time: a file lock that ends with the process that holds it."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_of_threads: dict[Path, threading.Lock] = {}
"""A record lock keeps other processes out, but not other threads of this one."""


@contextmanager
def locked(path: Path, busy: Callable[[], None]) -> Iterator[None]:
    """Hold a lock on the file `path`, which is removed afterwards.

    Record locks (`lockf`) belong to a process, unlike those of `flock`: worker processes that outlive a killed parent
    do not keep them. They work on network file systems too.

    Args:
        path: The lock file; its folder is created if it does not exist.
        busy: Called when another process or thread holds the lock, before waiting for it; it may raise.
    """
    of_threads = _of_threads.setdefault(path.absolute(), threading.Lock())
    if not of_threads.acquire(blocking=False):
        busy()
        of_threads.acquire()
    try:
        with _locked_file(path, busy):
            yield
    finally:
        of_threads.release()


@contextmanager
def _locked_file(path: Path, busy: Callable[[], None]) -> Iterator[None]:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("a")
        except FileNotFoundError:  # the last holder has just removed the folder
            continue
        with file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):  # which one depends on the system
                busy()
                fcntl.lockf(file, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
        # The last holder has removed the file: lock a new one.
