"""One process at a time: a file lock that ends with the process that holds it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, busy: Callable[[], None]) -> Iterator[None]:
    """Hold a lock on the file `path`, which is removed afterwards.

    Record locks (`lockf`) belong to a process, unlike those of `flock`: worker processes that outlive a killed parent
    do not keep them. They work on network file systems too.

    Args:
        path: The lock file; its folder is created if it does not exist.
        busy: Called when another process holds the lock, before waiting for it; it may raise.
    """
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
