"""Write rows as JSON lines."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def write_lines(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write one line per row, creating the folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
