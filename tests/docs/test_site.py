"""The pages of the site that are made of other files; `make docs` builds the whole, with warnings as errors."""

import dataclasses
from pathlib import Path

import pytest

from distill import config
from docs import site

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def settings() -> str:
    return site.settings()


def test_every_setting_of_the_model_is_listed_with_its_help(settings: str) -> None:
    groups = {
        "teacher": config.TeacherConfig,
        "student": config.StudentConfig,
        "student.adapter": config.AdapterConfig,
        "perturbation": config.PerturbationConfig,
        "loss": config.LossConfig,
        "optimizer": config.OptimizerConfig,
    }
    rows = [line for line in settings.splitlines() if line.startswith("| `model.")]
    for group, settings_class in groups.items():
        for field in dataclasses.fields(settings_class):
            if f"{group}.{field.name}" in groups:
                continue
            (row,) = (row for row in rows if row.startswith(f"| `model.{group}.{field.name}` |"))
            assert len(row.rstrip("| ").rpartition("| ")[2]) > 10, row


@pytest.mark.parametrize(
    "row",
    [
        "| `model.perturbation.operator` | `none | mean | expmean | max | swap` | `none` | none: plain",
        "| `data.train` | `str | list[str]` | required | ",
        "| `data.block_size` | `int` | `1024` | ",
        "| `checkpoint.every_n_train_steps` | `int` | `500` | ",
        "| `trainer.default_root_dir` | `str | Path | null` | `outputs` | ",
        "| `--preset` | `smoke | quick | full | paper` | `quick` | ",
        "| `--names` | flag |  | ",
    ],
)
def test_settings_have_type_default_and_meaning(settings: str, row: str) -> None:
    assert f"\n{row}" in settings


def test_every_command_has_its_options(settings: str) -> None:
    headings = {line.removeprefix("## ") for line in settings.splitlines() if line.startswith("## ")}
    assert headings >= {f"distill {name}" for name in ("evaluate", "preview", "quickstart", "report", "word-table")}
    assert headings >= {f"augment {name}" for name in ("corpus", "lexicon", "text")}


def test_what_follows_from_other_settings_is_not_offered(settings: str) -> None:
    """Links of the command line: `model.names` is `data.names`."""
    assert not [line for line in settings.splitlines() if line.startswith(("| `model.names", "| `data.tokenizer"))]


def test_every_recipe_is_told_in_its_own_words() -> None:
    page = "\n".join(site.recipes())
    for recipe in (ROOT / "configs").rglob("*.yaml"):
        first = recipe.read_text(encoding="utf-8").splitlines()[0]
        assert f"### `{recipe.relative_to(ROOT)}`\n\n{first.removeprefix('# ')}" in page


def test_the_home_page_is_the_first_screen_of_the_readme() -> None:
    home = site.home()
    assert home.startswith("# counterfactual-distill\n")
    assert "make quickstart" in home
    assert "## " not in home.replace("### ", "")


def test_links_into_docs_are_those_of_the_site(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('[a](docs/results.md) [b](CHANGELOG.md#010) <img src="docs/report.png">', encoding="utf-8")
    assert site.site_page(page) == '[a](results.md) [b](changelog.md#010) <img src="report.png">'
