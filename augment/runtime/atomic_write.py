"""Write a file or a folder atomically: complete, or not at all."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from augment.runtime.stale_files import process_unique_prefix, remove, remove_stale_files, stale_files

_REPLACED = "_replaced"
"""Ends the name of a folder that is being replaced, between two renames."""


def atomic_write(
    path: Path,
    write: Callable[[Path], object],
    tmp_dir: Path | None = None,
    *,
    fsync: bool = False,
    exclusive: bool = False,
) -> None:
    """Write a file or folder under a temporary name and rename it, so that `path` is never incomplete.

    An existing file or folder is replaced. Unfinished files of killed processes are removed first.

    Args:
        path: The file or folder; its parent is created if it does not exist.
        write: Writes the file or the folder at the path that it is given.
        tmp_dir: Folder for the temporary name, on the same file system, created if it does not exist; default: the
            parent.
        fsync: Force the content to disk before the rename, so that it also survives a power failure.
        exclusive: The caller holds a lock that keeps other writers out, so that all unfinished files are stale, on
            whichever machine they were written.
    """
    folder = tmp_dir or path.parent
    folder.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}-"
    if not path.exists():
        _restore(folder, prefix, path, exclusive)
    remove_stale_files(folder, prefix, exclusive)
    # The random part keeps threads of one process apart.
    unfinished = folder / f"{process_unique_prefix(prefix)}{secrets.token_hex(4)}_unfinished"
    try:
        write(unfinished)
        if fsync:
            _fsync(unfinished)
        _move(unfinished, path)
        if fsync:
            _fsync_file(path.parent)
    finally:
        remove(unfinished)


def _move(new: Path, path: Path) -> None:
    if not (new.is_dir() and path.is_dir()):
        new.replace(path)
        return
    # A rename cannot replace a folder that is not empty.
    old = new.with_name(f"{new.name}{_REPLACED}")
    try:
        path.replace(old)
        new.replace(path)
    finally:
        if not path.exists():
            old.replace(path)
    remove(old)


def _restore(folder: Path, prefix: str, path: Path, exclusive: bool) -> None:
    """Put back the folder that a killed process was about to replace: it is the only copy so far."""
    for old in stale_files(folder, prefix, exclusive):
        if old.name.endswith(_REPLACED):
            old.replace(path)
            return


def _fsync(path: Path) -> None:
    for file in (path, *path.rglob("*")) if path.is_dir() else (path,):
        if file.is_file() or file.is_dir():
            _fsync_file(file)


def _fsync_file(path: Path) -> None:
    """Of a folder, its list of files."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
