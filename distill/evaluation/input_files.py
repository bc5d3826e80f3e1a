"""Read prompts and sentence pairs from files and from the hub; anything wrong with them becomes a `UserError`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import augment.documents
from augment.documents import DocumentError
from augment.hub_ids import HubId
from augment.runtime.error_text import first_line
from distill.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset


def read_utf8(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        UserError: If it is not UTF-8.
    """
    try:
        # Windows editors put a byte order mark before the text.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error


def json_objects(path: Path, expected: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read JSON lines as `augment.documents.json_objects` does.

    Raises:
        UserError: If a line is not UTF-8, or not a JSON object.
    """
    try:
        yield from augment.documents.json_objects(path, expected)
    except DocumentError as error:
        raise UserError(str(error)) from error


def hub_rows(hub_id: HubId, split: str, expected: str) -> "Dataset":
    """Load a split of a data set on the hub.

    Args:
        hub_id: The data set.
        split: The split to load if the id names none.
        expected: What else the name could have referred to, such as “prompt file”.

    Raises:
        UserError: If the data set cannot be loaded.
    """
    from datasets import load_dataset

    try:
        return load_dataset(hub_id.name, hub_id.configuration, split=hub_id.split or split)
    except Exception as error:  # datasets also raises a bare RuntimeError
        reason = first_line(error)
        raise UserError(
            f"{hub_id.name}: neither a {expected} nor a data set that could be loaded ({reason})"
        ) from error
