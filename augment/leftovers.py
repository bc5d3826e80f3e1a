"""What a process that was killed left behind: known by the number of the process in its name."""

import os
import shutil
from pathlib import Path


def of_this_process(prefix: str) -> str:
    """A beginning of names that tells whose they are."""
    return f"{prefix}{os.getpid()}-"


def remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove what lies in `folder` under names `of_this_process(prefix)` of processes that are gone.

    What cannot be removed, as that of other users, stays.
    """
    for path in folder.iterdir():
        number = path.name.removeprefix(prefix).partition("-")[0]
        if not path.name.startswith(prefix) or not number.isdecimal() or _runs(int(number)):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return True
