"""The rules of the house: which package may import which, no circles, no private names, nothing too large."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for package in ("augment", "distill") for path in (ROOT / package).rglob("*.py"))

MOST_MODULES = 12
MOST_LINES = 400


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def imported_names(path: Path) -> Iterator[tuple[str, str]]:
    """What a file imports of ours, anywhere in it, as (module, name); name "" is the module itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                if f"{node.module}.{alias.name}" in MODULES:
                    yield f"{node.module}.{alias.name}", ""
                elif node.module in MODULES:
                    yield node.module, alias.name


IMPORTS = {name: {module for module, _ in imported_names(path)} for name, path in MODULES.items()}


def is_in(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def crossings(importer: str, *forbidden: str) -> list[str]:
    """Imports from within one package into others, as “a → b”."""
    return [
        f"{module} → {other}"
        for module, imported in IMPORTS.items()
        if is_in(module, importer)
        for other in sorted(imported)
        if any(is_in(other, package) for package in forbidden)
    ]


@pytest.mark.parametrize(
    ("importer", "forbidden"),
    [
        ("augment", ["distill"]),
        ("distill.config", ["augment", "distill"]),
        ("distill.data", ["distill.models", "distill.module", "distill.losses"]),
        (
            "distill.evaluation",
            ["distill.training", "distill.module", "distill.callbacks", "distill.report", "distill.cli"],
        ),
        ("distill.report", ["distill.training", "distill.module", "distill.callbacks"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_package_does_not_know(importer: str, forbidden: list[str]) -> None:
    assert any(is_in(module, importer) for module in MODULES)
    assert crossings(importer, *forbidden) == []


def test_a_forbidden_import_is_found() -> None:
    assert "distill.module → distill.config" in crossings("distill.module", "distill.config")


def reachable(module: str) -> set[str]:
    """All that a module imports, directly or through others."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = IMPORTS[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def test_no_module_imports_itself_through_others() -> None:
    assert [module for module in MODULES if module in reachable(module)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_private_name_is_imported(path: Path) -> None:
    assert [name for _, name in imported_names(path) if name.startswith("_") and not name.startswith("__")] == []


def test_no_folder_has_too_many_modules() -> None:
    modules = Counter(path.parent.relative_to(ROOT) for path in FILES if path.name != "__init__.py")
    assert {folder: count for folder, count in modules.items() if count > MOST_MODULES} == {}


def test_no_file_is_too_long() -> None:
    lines = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize(
    "statement", ["import augment", "import distill", "import distill.report", "from distill.evaluation import load"]
)
def test_this_loads_no_torch(statement: str) -> None:
    code = f"{statement}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
