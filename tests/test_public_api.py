"""What users import and call: the public names of both packages, and every way to start the commands."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import augment
import distill
from distill.cli import main

ROOT = Path(__file__).parents[1]

CONTRACTS = {
    "augment": ["Lexicon", "Reversal", "RoleReverser", "Swap", "align"],
    "distill": [
        "AdapterConfig",
        "CounterfactualDataModule",
        "DistillationModule",
        "ExportStudent",
        "LossConfig",
        "OptimizerConfig",
        "PerturbationConfig",
        "ReversedVocabulary",
        "StudentConfig",
        "TeacherConfig",
        "distillation_loss",
        "load",
        "perturb",
    ],
    "distill.callbacks": ["ExportStudent"],
    "distill.config": [
        "AdapterConfig",
        "LossConfig",
        "OptimizerConfig",
        "PerturbationConfig",
        "StudentConfig",
        "TeacherConfig",
    ],
    "distill.data": ["CounterfactualDataModule"],
    "distill.evaluation": ["load"],
    "distill.evaluation.polarity": ["unigram"],
    "distill.losses": ["distillation_loss"],
    "distill.module": ["DistillationModule"],
    "distill.perturbation": ["ReversedVocabulary", "perturb"],
}
"""Module → names that other people's code imports from it."""

ENTRIES = {
    "augment": [
        ["-m", "augment"],
        ["-m", "augment.cli"],
        ["-c", "from augment.cli import main; main()"],
    ],
    "distill": [
        ["-m", "distill"],
        ["-m", "distill.cli"],
        ["-c", "from distill.cli import main; main()"],
    ],
}
"""Command → the ways to start it; the last is what the installed script does."""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in CONTRACTS.items() for name in names])
def test_every_contract_can_be_imported(module: str, name: str) -> None:
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("package", [augment, distill])
def test_all_and_dir_name_the_same(package) -> None:
    assert {*package.__all__} - {"__version__"} == package._MODULES.keys() == {*CONTRACTS[package.__name__]}
    assert {*package.__all__} <= {*dir(package)}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = package.nothing


def test_no_submodule_shadows_a_public_name() -> None:
    """Importing `distill.load`, were there such a module, would put it where the function was."""
    for package in (augment, distill):
        folder = Path(package.__file__).parent
        modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
        assert not modules & {*package.__all__}


@pytest.mark.parametrize(("statement", "absent"), [
    ("import distill", "torch transformers pytorch_lightning pandas numpy yaml"),
    ("import augment", "torch numpy yaml"),
    ("from augment import RoleReverser", "torch transformers pandas numpy distill"),
    ("from distill import config", "torch transformers"),
    ("from distill import PerturbationConfig", "torch transformers"),
    ("from distill import load", "torch transformers"),
])  # fmt: skip
def test_imports_load_what_they_need_alone(statement: str, absent: str) -> None:
    found = python("-c", f"{statement}; import sys; print(*({{*{absent.split()}}} & sys.modules.keys()))")
    assert (found.returncode, found.stdout.strip()) == (0, ""), found.stderr


def test_types_reach_those_who_install_the_packages() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in ("augment", "distill"))


@pytest.mark.parametrize(
    ("command", "start"), [(command, start) for command, starts in ENTRIES.items() for start in starts]
)
def test_every_entry_tells_help_and_version(command: str, start: list[str]) -> None:
    version = python(*start, "--version")
    assert (version.returncode, version.stdout) == (0, f"{command} {distill.__version__}\n"), version.stderr
    shown = python(*start, "--help")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"usage: {command} ")


def test_the_installed_scripts_are_these() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {command: f"{command}.cli:main" for command in ENTRIES}


def test_the_version_stands_in_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    """Read by the build and by both packages; only the citation, which no program makes, repeats it."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["dynamic"] == ["version"]
    assert pyproject["tool"]["hatch"]["version"]["path"] == "augment/__init__.py"
    assert distill.__version__ == augment.__version__
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == distill.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = changelog.partition("## [Unreleased]")[2].partition("## [")[2]
    assert released.startswith(f"{distill.__version__}]")
    main(["--version"])
    assert capsys.readouterr().out == f"distill {distill.__version__}\n"
