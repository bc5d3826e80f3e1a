import shutil
from pathlib import Path
from types import ModuleType

import pytest

import distill.evaluation
from distill.evaluation.evaluate import code_fingerprint
from distill.runtime.code_digest import package_files

PACKAGE = Path(distill.evaluation.__file__).parent
FILES = [str(file.relative_to(PACKAGE)) for file in package_files(distill.evaluation)]


def fingerprint(folder: Path) -> str:
    """Return the fingerprint of a copy of a package in a folder."""
    package = ModuleType("copy")
    package.__path__ = [str(folder)]
    return code_fingerprint((package,))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy") / "evaluation"
    return shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize("name", FILES)
def test_a_change_in_any_file_changes_the_fingerprint(copy: Path, name: str) -> None:
    before = fingerprint(copy)
    content = (copy / name).read_bytes()
    code_fingerprint.cache_clear()
    assert fingerprint(copy) == before
    (copy / name).write_bytes(content + b"\n")
    assert fingerprint(copy) != before
    (copy / name).write_bytes(content)


def test_the_fingerprint_is_of_the_files_in_all_folders() -> None:
    for name in ("evaluate.py", "measures/perplexity.py", "statistics/bootstrap.py", "polarity/word_table.tsv"):
        assert name in FILES
    assert code_fingerprint() != code_fingerprint((distill.evaluation,))
