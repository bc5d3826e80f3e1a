"""Can the results be written where the user wants them? To be asked before anything slow begins."""

import os
import tempfile
from pathlib import Path

from distill.errors import UserError


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
