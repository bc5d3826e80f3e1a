"""Every recipe in configs/ parses, and every overlay over it."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from distill.cli.dispatch import main
from distill.config import PerturbationConfig

CONFIGS = Path(__file__).parents[2] / "configs"
RECIPES = [CONFIGS / name for name in ("gpt2.yaml", "gpt2-finetune.yaml", "smollm2.yaml", "quickstart/teacher.yaml",
                                       "quickstart/plain.yaml")]  # fmt: skip
OVERLAYS = sorted([*CONFIGS.glob("perturbation/*.yaml"), *CONFIGS.glob("trainer/*.yaml")])


def parsed(capsys, *configs: Path) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["fit", *(f"--config={config}" for config in configs), "--print_config"])
    assert caught.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_parse(capsys, recipe):
    assert "block_size" in parsed(capsys, recipe)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_overlays_parse(capsys, overlay):
    parsed(capsys, CONFIGS / "gpt2.yaml", overlay)


def test_there_is_an_overlay_for_every_operator():
    names = {path.stem for path in CONFIGS.glob("perturbation/*.yaml")}
    assert names == {"none", "mean", "expmean", "max", "swap", "equivariant", "max-reversed"}


@pytest.mark.parametrize("overlay", sorted(CONFIGS.glob("perturbation/*.yaml")), ids=lambda path: path.stem)
def test_an_overlay_replaces_all_of_another_perturbation(overlay):
    perturbation = yaml.safe_load(overlay.read_text(encoding="utf-8"))["model"]["perturbation"]
    assert set(perturbation) == {field.name for field in fields(PerturbationConfig)}


def test_the_equivariant_overlay_teaches_nothing_else(capsys):
    config = parsed(capsys, CONFIGS / "gpt2.yaml", CONFIGS / "perturbation" / "equivariant.yaml")
    for setting in ("operator: expmean", "vocabulary: reversed", "contexts: all", "lm_weight: 0.0"):
        assert setting in config
