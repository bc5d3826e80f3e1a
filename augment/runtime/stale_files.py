"""What a process that was killed left behind: known by its machine and the number of the process in its name."""

import hashlib
import os
import re
import shutil
import socket
from pathlib import Path

_NUMBERED = re.compile(r"([0-9]+)-\w+")


def of_this_process(prefix: str) -> str:
    """A beginning of names that tells whose they are; letters, digits and underscores are to follow."""
    return f"{prefix}{_machine()}-{os.getpid()}-"


def remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove what lies in `folder` under names `of_this_process(prefix)` of processes that are gone.

    What cannot be removed, as that of other users, stays.
    """
    ours = f"{prefix}{_machine()}-"
    for path in folder.iterdir():
        rest = _NUMBERED.fullmatch(path.name, len(ours)) if path.name.startswith(ours) else None
        if rest is None or _runs(int(rest[1])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue


def _machine() -> str:
    """A process's number says nothing on another machine, or in another container, that writes into the same folder."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return True
