"""Write a file whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object], beside: Path | None = None) -> None:
    """Write by `write(elsewhere)`, then rename, so that nobody ever finds half a file at `path`.

    Args:
        path: The file.
        write: Writes it at the path it is given.
        beside: Folder for what is half-written, made where it is missing; default: that of the file.
    """
    elsewhere = (beside or path.parent) / f".{path.name}.{os.getpid()}"
    elsewhere.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(elsewhere)
        elsewhere.replace(path)
    finally:
        elsewhere.unlink(missing_ok=True)
