"""Paths that users give: `~` in them, and whether an output folder can be written."""

import os
import tempfile
from pathlib import Path

from distill.errors import UserError


def from_home(path: str | Path) -> Path:
    """The path with `~` and `~user` read as home folders; that of a user who isn't there stays as it is, where
    `Path.expanduser` would raise: it is a folder that doesn't exist, and no failure.

    Example:
        >>> from_home("~nobody_of_that_name/model").parts
        ('~nobody_of_that_name', 'model')
    """
    return Path(os.path.expanduser(path))


def check_writable(folder: Path, setting: str = "output") -> None:
    """Make sure that files can be written into `folder`, which need not exist yet; leaves nothing behind.

    Args:
        folder: where.
        setting: what names it, for the message.

    Raises:
        UserError: they can't.
    """
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UserError(f"{setting} {str(folder)!r}: {str(existing)!r} is a file, not a folder")
    try:
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError("no permission")
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise UserError(f"{setting} {str(folder)!r} can't be written: {error.strerror or error}") from error
