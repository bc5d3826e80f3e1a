"""A digest of our own code: cached results are stale once the code changes, which a version number would miss."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType


def code_digest(files: Iterable[Path]) -> str:
    """SHA-256 of the names and contents of files, in the given order."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def package_files(package: ModuleType) -> list[Path]:
    """All files of a package, data files included, sorted by name."""
    return [file for path in package.__path__ for file in files_below(Path(path)) if "__pycache__" not in file.parts]


def files_below(path: Path) -> Iterator[Path]:
    """The files in a folder and its subfolders, sorted by name; for a file, the file itself."""
    if path.is_file():
        yield path
    else:
        yield from sorted(child for child in path.rglob("*") if child.is_file())
