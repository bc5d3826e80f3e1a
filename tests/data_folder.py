"""The real text of development, which is no part of the project: tests that use it skip without it."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("DISTILL_DATA", Path(__file__).parents[1] / "../shared/data"))


def real_data(*names: str) -> Path:
    """The path of a file or folder of the data; where it is absent, the test that asks is skipped."""
    path = FOLDER.joinpath(*names)
    if not path.exists():
        pytest.skip(f"no {'/'.join(names)} in $DISTILL_DATA or ../shared/data")
    return path
