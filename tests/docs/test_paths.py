"""The files and folders that ARCHITECTURE.md and CONTRIBUTING.md name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()}


def named_paths(page: str) -> list[str]:
    """The paths in code quotes that begin with a folder of the repository."""
    quoted = re.findall(r"`([\w./-]+/[\w./-]*)`", (ROOT / page).read_text(encoding="utf-8"))
    return [path for path in quoted if path.partition("/")[0] in FOLDERS]


@pytest.mark.parametrize(("page", "at_least"), [("ARCHITECTURE.md", 20), ("CONTRIBUTING.md", 30)])
def test_every_named_path_exists(page: str, at_least: int) -> None:
    paths = named_paths(page)
    assert len(paths) >= at_least
    assert [path for path in paths if not (ROOT / path).exists()] == []
