"""`~` in a path."""

import os
from pathlib import Path


def from_home(path: str | Path) -> Path:
    """The path with `~` and `~user` read as home folders; that of a user who isn't there stays as it is, where
    `Path.expanduser` would raise: it is a folder that doesn't exist, and no failure.

    Example:
        >>> from_home("~nobody_of_that_name/model").parts
        ('~nobody_of_that_name', 'model')
    """
    return Path(os.path.expanduser(path))
