"""The table of faults in ARCHITECTURE.md names tests that exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent


def test_every_test_of_the_table_exists() -> None:
    page = (TESTS.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page.partition("## Faults")[2])
    assert len(named) > 100
    functions = {
        file: {
            part.name for part in ast.parse((TESTS / file).read_text(encoding="utf-8")).body if hasattr(part, "name")
        }
        for file in {file for file, _ in named}
    }
    assert not [f"{file}::{name}" for file, name in named if name not in functions[file]]


def test_every_fault_has_a_test() -> None:
    page = (TESTS.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [line for line in page.partition("## Faults")[2].splitlines() if line.startswith("| ")][1:]
    assert not [row for row in rows if not row.startswith("| **") and ".py::test_" not in row]
