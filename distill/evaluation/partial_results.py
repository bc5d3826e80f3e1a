"""Finished parts of an evaluation, so that an interrupted one resumes where it stopped."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augment.runtime.atomic_write import atomic_write
from augment.runtime.locks import locked
from augment.runtime.stale_files import remove
from distill.errors import UserError

FOLDER = "unfinished"
"""Folder next to the results, which exists until they are complete."""

_LOCK = ".lock"
"""Inside that folder, so that a killed run leaves nothing else behind."""


@dataclass(frozen=True)
class ResultCache:
    """Finished parts of a run, one file each.

    Attributes:
        folder: Folder of the files. Its name contains a digest of everything that determines them, so that parts for
            other settings, another model or another text are never reused.
    """

    folder: Path

    def get_or_compute(self, name: str, compute: Callable[[], object]) -> Any:
        """Return what `compute` returned, in this run or in an interrupted one, after a round trip through JSON.

        Args:
            name: Name of the part.
            compute: Returns what JSON can store, without NaN.
        """
        path = self.folder / f"{name}.json"
        if (stored := _read(path)) is not None:
            return stored
        content = json.dumps(compute(), allow_nan=False)
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write(path, lambda temporary: temporary.write_text(content, encoding="utf-8"))
        return json.loads(content)

    def has(self, name: str) -> bool:
        """Whether a part is stored already, so that `get_or_compute` need not compute it."""
        return (self.folder / f"{name}.json").is_file()


def result_cache(output: Path, kind: str, determined_by: Mapping[str, Any]) -> ResultCache:
    """Return the cache for the parts of an evaluation into `output` that are determined by the given values."""
    return ResultCache(output / FOLDER / f"{kind}-{fingerprint(determined_by)}")


def fingerprint(content: Mapping[str, Any]) -> str:
    """Return a short name for settings: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def exclusive_output(output: Path) -> Iterator[None]:
    """Lock an output folder against other runs, creating it if necessary; the lock is released with the process.

    Unfinished parts are kept if the process is killed or interrupted. They are removed when the evaluation is complete,
    or when a `UserError` makes them useless; folders created here that are empty by then are removed, too.

    Raises:
        UserError: If another process is writing to the folder.
    """

    def refuse() -> None:
        raise UserError(f"--output {output}: another evaluation is writing there; wait for it, or give another folder")

    unfinished = output / FOLDER
    created = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        with locked(unfinished / _LOCK, refuse):
            try:
                yield
            except UserError:
                _empty(unfinished)
                raise
            _empty(unfinished)
    except UserError:
        _remove_empty(unfinished, *created)
        raise
    finally:
        _remove_empty(unfinished)


def _empty(folder: Path) -> None:
    """Remove everything except the lock file: without it, another run would not see that the folder is locked."""
    for path in folder.iterdir():
        if path.name != _LOCK:
            remove(path)


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):  # not empty, or already gone
            folder.rmdir()


def _read(path: Path) -> Any:
    """Return the content of a file, or None if it is missing or was corrupted by a power failure."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
