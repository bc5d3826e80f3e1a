"""What an evaluation has finished so far, so that one that was stopped resumes where it was."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from augment.runtime.atomic_write import atomic_write
from augment.runtime.locks import locked
from augment.runtime.stale_files import remove
from distill.errors import UserError

T = TypeVar("T")

FOLDER = "unfinished"
"""Beside the results, as long as they are not all there."""

_LOCK = ".lock"
"""In that folder, so that a killed run leaves nothing else."""


@dataclass(frozen=True)
class ResultCache:
    """Finished parts of a run, one file each.

    Attributes:
        folder: Where they are stored. Its name is a digest of what determines them, so that parts of other settings, of
            another model or of another text are never taken for these.
    """

    folder: Path

    def get_or_compute(self, name: str, compute: Callable[[], T]) -> T:
        """What `compute` returned, in this run or in one that was stopped; it must be JSON without NaN."""
        path = self.folder / f"{name}.json"
        if (kept := _read(path)) is not None:
            return kept
        content = json.dumps(compute(), allow_nan=False)
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write(path, lambda beside: beside.write_text(content, encoding="utf-8"))
        return json.loads(content)

    def has(self, name: str) -> bool:
        """Whether `get_or_compute` would return at once."""
        return (self.folder / f"{name}.json").is_file()


def result_cache(output: Path, kind: str, determined_by: Mapping[str, Any]) -> ResultCache:
    """The finished parts of an evaluation into `output` that are determined by the same values."""
    return ResultCache(output / FOLDER / f"{kind}-{fingerprint(determined_by)}")


def fingerprint(content: Mapping[str, Any]) -> str:
    """A short name for settings: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def exclusive_output(output: Path) -> Iterator[None]:
    """Lock an output folder, made where it is missing, against other runs; the lock ends with the process.

    What is unfinished stays there if the process is killed or stopped, and goes when all is done or the user's mistake
    makes it worthless; a folder that is empty then goes too.

    Raises:
        UserError: If another process writes into the folder.
    """

    def refuse() -> None:
        raise UserError(f"--output {output}: another evaluation is writing there; wait for it, or give another folder")

    unfinished = output / FOLDER
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        with locked(unfinished / _LOCK, refuse):
            try:
                yield
            except UserError:
                _empty(unfinished)
                raise
            _empty(unfinished)
    except UserError:
        _remove_empty(unfinished, *made)
        raise
    finally:
        _remove_empty(unfinished)


def _empty(folder: Path) -> None:
    """Remove all but the lock, which another run would not find held otherwise."""
    for path in folder.iterdir():
        if path.name != _LOCK:
            remove(path)


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):  # it holds something, or is gone
            folder.rmdir()


def _read(path: Path) -> Any:
    """The content of a file; None where it is missing, or corrupt after a power failure."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
