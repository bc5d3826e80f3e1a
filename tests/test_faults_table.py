"""The table of faults in docs/faults.md names tests that exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "faults.md"


def test_every_test_of_the_table_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 100
    functions = {
        file: {
            part.name for part in ast.parse((TESTS / file).read_text(encoding="utf-8")).body if hasattr(part, "name")
        }
        for file in {file for file, _ in named}
    }
    assert not [f"{file}::{name}" for file, name in named if name not in functions[file]]


def test_every_fault_has_a_test() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| fault | ")]
    assert len(rows) > 60
    assert not [row for row in rows if ".py::test_" not in row]
