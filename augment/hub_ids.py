"""Tells ids on the Hugging Face hub from paths."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_GRAMMAR = re.compile(
    r"(?P<name>\w[\w.-]*(?:/\w[\w.-]*)?)(?::(?P<configuration>[\w.-]+))??(?::(?P<split>\w+(?:\[[^\]]*\])?))?"
)
_FILE_SUFFIXES = frozenset(
    (
        *(".json", ".jsonl", ".csv", ".tsv", ".parquet", ".txt", ".dev", ".test", ".gz"),
        *(".gguf", ".safetensors", ".bin"),
    )
)


@dataclass(frozen=True)
class HubId:
    """A model or a dataset on the hub.

    Attributes:
        name: `name` or `owner/name`.
        configuration: Of a dataset; None if the id names none.
        split: Of a dataset, such as `test` or `train[:1%]`; None if the id names none.
    """

    name: str
    configuration: str | None = None
    split: str | None = None


def parse_hub_id(source: str) -> HubId | None:
    """Parse the name of a source as an id on the hub.

    The name of an existing file or folder is none. A name with the suffix of a file, or whose first part is an existing
    folder, is a mistyped path, for which the hub must not be queried; one of the two is an id nevertheless if it names
    a split or a configuration.

    Args:
        source: `name` or `owner/name`, optionally followed by `:split` or `:configuration:split`.

    Returns:
        The parts of the id; None if the source is a path, or can only be one.

    Example:
        >>> parse_hub_id("Salesforce/wikitext:wikitext-2-raw-v1:test")
        HubId(name='Salesforce/wikitext', configuration='wikitext-2-raw-v1', split='test')
        >>> parse_hub_id("corpus.jsonl") is parse_hub_id("./corpus") is parse_hub_id("a/b/c") is None
        True
    """
    parts = _GRAMMAR.fullmatch(source)
    # Unlike those of pathlib, os.path's questions may be asked of names of any length.
    if parts is None or os.path.exists(source):
        return None
    hub_id = HubId(**parts.groupdict())
    path = Path(hub_id.name)
    is_file = path.suffix.lower() in _FILE_SUFFIXES
    in_folder = "/" in hub_id.name and os.path.isdir(path.parent)
    names_part = hub_id.configuration is not None or hub_id.split is not None
    is_path = (is_file and in_folder) or ((is_file or in_folder) and not names_part)
    return None if is_path else hub_id
