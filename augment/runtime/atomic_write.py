"""Write a file whole or not at all."""

from collections.abc import Callable
from pathlib import Path

from augment.runtime.stale_files import of_this_process, remove_leftovers


def write_whole(path: Path, write: Callable[[Path], object], beside: Path | None = None) -> None:
    """Write by `write(elsewhere)`, then rename, so that nobody ever finds half a file at `path`.

    What a process that was killed left beside it is removed.

    Args:
        path: The file.
        write: Writes it at the path it is given.
        beside: Folder for what is half-written, made where it is missing; default: that of the file.
    """
    folder = beside or path.parent
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder, f".{path.name}-")
    elsewhere = folder / f"{of_this_process(f'.{path.name}-')}unfinished"
    try:
        write(elsewhere)
        elsewhere.replace(path)
    finally:
        elsewhere.unlink(missing_ok=True)
