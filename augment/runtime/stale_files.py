"""Removes files and folders that a killed process left, recognised by the machine and process id in their names."""

import hashlib
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

_MACHINE_AND_PROCESS = re.compile(r"(?P<machine>[0-9a-f]{8})-(?P<process>[0-9]+)-\w+")


def process_unique_prefix(prefix: str) -> str:
    """A prefix for file names that identifies this process; letters, digits and underscores must follow."""
    return f"{prefix}{_machine()}-{os.getpid()}-"


def remove_stale_files(folder: Path, prefix: str, exclusive: bool = False) -> None:
    """Remove files and folders of processes that no longer run, named with `process_unique_prefix(prefix)`.

    What cannot be removed, such as the files of other users, stays.

    Args:
        folder: Where to look.
        prefix: As given to `process_unique_prefix`.
        exclusive: The caller holds a lock that keeps every other writer out, so that all such files are stale, even
            those of other machines, whose processes are not visible from here.
    """
    for path in stale_files(folder, prefix, exclusive):
        remove(path)


def stale_files(folder: Path, prefix: str, exclusive: bool = False) -> Iterator[Path]:
    """What `remove_stale_files` would remove; the arguments are the same."""
    # Names only: a folder may contain thousands of files, and this runs before each of them is written.
    for name in os.listdir(folder):
        owner = _MACHINE_AND_PROCESS.fullmatch(name, len(prefix)) if name.startswith(prefix) else None
        if owner and (exclusive or (owner["machine"] == _machine() and not _is_running(int(owner["process"])))):
            yield folder / name


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder; ignore what does not exist or cannot be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return


def _machine() -> str:
    """Identifies this machine or container: others that write to the same folder have process ids of their own."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it belongs to another user
        return True
    return True
