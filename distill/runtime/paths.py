"""Paths given by users: `~`, and whether an output folder is writable."""

import os
import tempfile
from pathlib import Path

from distill.errors import UserError


def expand_user(path: str | Path) -> Path:
    """Replace a leading `~` or `~user` with the home folder.

    The `~user` of an unknown user is kept, where `Path.expanduser` would raise: it is a path that does not exist.

    Example:
        >>> expand_user("~nobody_of_that_name/model").parts
        ('~nobody_of_that_name', 'model')
    """
    return Path(os.path.expanduser(path))


def check_writable(folder: Path, setting: str = "output") -> None:
    """Check that files can be written into `folder`, which need not exist yet; nothing is left behind.

    Args:
        folder: The folder.
        setting: The setting that names it, for the message.

    Raises:
        UserError: If the folder, or the nearest one above it that exists, is a file or cannot be written to.
    """
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UserError(f"{setting} {str(folder)!r}: {str(existing)!r} is a file, not a folder; choose another")
    try:
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError("no permission")
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise UserError(f"{setting} {str(folder)!r} cannot be written: {error.strerror or error}") from error
