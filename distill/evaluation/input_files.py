"""Objects of a file of JSON lines, or one line that says which line is none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distill.errors import UserError


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
