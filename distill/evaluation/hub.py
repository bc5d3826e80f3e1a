"""Rows of a data set on the hub, or one line that says why there are none."""

from pathlib import Path
from typing import TYPE_CHECKING

from augment.documents import lies_in_a_folder
from distill.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset


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
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"{source}: neither a {expected} nor a data set that could be loaded ({reason})") from error
