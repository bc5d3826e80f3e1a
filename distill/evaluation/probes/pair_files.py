"""Read the rows of a data set of sentence pairs from a file or from the hub, whatever its columns mean."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from augment.hub_ids import HubId, parse_hub_id
from augment.runtime.error_text import first_line
from distill.errors import UserError
from distill.evaluation.input_files import hub_rows, json_objects

Row = Mapping[str, Any]


def read_rows(source: str, layouts: str) -> list[Row]:
    """Read the rows of a data set.

    Args:
        source: A file (.jsonl, .csv, .tsv, .parquet; .json as StereoSet's; any other with one sentence per line) or a
            hub id.
        layouts: The layouts that are understood, for error messages.

    Raises:
        UserError: If the source does not exist or cannot be read.
    """
    path = Path(source)
    if not path.is_file():
        return _hub_rows(source)
    if path.suffix == ".jsonl":
        return [row for _, row in json_objects(path, layouts)]
    try:
        if path.suffix == ".json":
            return _nested(json.loads(path.read_text(encoding="utf-8-sig")))
        if path.suffix == ".parquet":
            return _records(pd.read_parquet(path))
        if path.suffix in (".csv", ".tsv"):
            separator = "," if path.suffix == ".csv" else "\t"
            return _records(pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False))
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [{"sentence": line} for line in lines if line.strip()]
    except (ValueError, OSError, RecursionError) as error:  # also of UTF-8, JSON, pandas and pyarrow
        reason = first_line(error)
        raise UserError(f"{source}: not readable ({reason}); expected {layouts}") from error


def _nested(content: Any) -> list[Row]:
    """Return the rows of StereoSet's own file, {"data": {"intrasentence": [row], "intersentence": [row]}}."""
    splits = content.get("data") if isinstance(content, dict) else None
    if not isinstance(splits, dict) or not all(isinstance(rows, list) for rows in splits.values()):
        raise ValueError('not {"data": {split: [row]}}')
    rows = [row for rows in splits.values() for row in rows]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a row is not an object")
    return rows


def _records(table: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _hub_rows(source: str) -> list[Row]:
    # `datasets` loads a folder in the same way as a data set on the hub.
    hub_id = HubId(source) if Path(source).exists() else parse_hub_id(source)
    if hub_id is None:
        raise UserError(f"{source}: no such file of sentence pairs; give a file or a hub id")
    return list(hub_rows(hub_id, "test", "file of sentence pairs"))
