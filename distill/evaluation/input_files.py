"""Files and hub data sets of prompts and sentence pairs, or one line that says what is wrong in them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augment.documents import lies_in_a_folder
from augment.runtime.error_text import first_line
from distill.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset


def read_utf8(path: Path) -> str:
    """The file's text.

    Raises:
        UserError: If it is not UTF-8.
    """
    try:
        # Windows' editors put a byte order mark before the text.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error


def json_objects(path: Path, expected: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each line that is not blank, where it stands (for an error) and its object.

    Args:
        path: The file.
        expected: What its layout should be, for an error.

    Raises:
        UserError: If the file is not UTF-8, or a line is no JSON object.
    """
    # Not splitlines: JSON may hold U+2028 as it is.
    for number, line in enumerate(read_utf8(path).split("\n"), start=1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: not JSON ({error}); expected {expected}") from error
        if not isinstance(row, dict):
            raise UserError(f"{where}: no JSON object; expected {expected}")
        yield where, row


_SUFFIXES = frozenset((".json", ".jsonl", ".csv", ".tsv", ".parquet", ".txt", ".dev", ".test", ".gz"))


def is_path(source: str) -> bool:
    """Whether a source that is not there was meant as a path: then the hub is not asked for it.

    It starts or ends like one, or lies in a folder that is there. A configuration or split makes it an id.
    """
    started = source.startswith((".", "/", "~"))
    return started or Path(source).suffix.lower() in _SUFFIXES or (":" not in source and lies_in_a_folder(source))


def hub_rows(source: str, expected: str, name: str, configuration: str | None, split: str) -> "Dataset":
    """Load a split.

    Args:
        source: What the user wrote.
        expected: What else it could have been, such as “file of prompts”.
        name: Hub id.
        configuration: Of the data set; None for its only one.
        split: Of the configuration.

    Raises:
        UserError: If it cannot be loaded.
    """
    from datasets import load_dataset

    try:
        return load_dataset(name, configuration, split=split)
    except Exception as error:  # datasets also raises a bare RuntimeError
        reason = first_line(error)
        raise UserError(f"{source}: neither a {expected} nor a data set that could be loaded ({reason})") from error
