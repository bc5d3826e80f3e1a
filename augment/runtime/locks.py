"""One process at a time: a lock on a file, which a killed process loses."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, busy: Callable[[], None]) -> Iterator[None]:
    """Hold `path` as a lock; the file is removed afterwards.

    Record locks belong to a process, unlike those of `flock`: worker processes that outlive a killed parent don't keep
    them. They work on network file systems too.

    Args:
        path: in a folder that exists.
        busy: called when another process holds it, before waiting for its end; it may raise.
    """
    while True:
        with path.open("a") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):  # which of them depends on the system
                busy()
                fcntl.lockf(file, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
        # whoever held it has removed it: the one to lock is another file by now
