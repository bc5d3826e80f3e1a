"""Callbacks of a recipe are added to the run's own, however they are given."""

import pytest
import yaml

from tests.fits import fit

MONITOR = [{"class_path": "pytorch_lightning.callbacks.LearningRateMonitor"}]


@pytest.mark.parametrize("key", ["callbacks", "callbacks+"])
def test_callbacks_of_a_recipe_drop_none_of_ours(recipe, tmp_path, key):
    config = yaml.safe_load(recipe.read_text())
    config["trainer"][key] = MONITOR
    mine = tmp_path / "recipe.yaml"
    mine.write_text(yaml.safe_dump(config))
    fit(mine, tmp_path / "run", "--trainer.max_steps=2")
    assert (tmp_path / "run" / "student").is_dir()
    assert {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}


def test_a_single_callback_needs_no_list(recipe, tmp_path):
    config = yaml.safe_load(recipe.read_text())
    config["trainer"] |= {"callbacks": MONITOR[0], "enable_progress_bar": True}
    mine = tmp_path / "recipe.yaml"
    mine.write_text(yaml.safe_dump(config))
    fit(mine, tmp_path / "run", "--trainer.max_steps=1", "--trainer.limit_val_batches=0")
    assert (tmp_path / "run" / "student").is_dir()


def test_a_progress_bar_of_a_recipe_replaces_ours(recipe, tmp_path):
    config = yaml.safe_load(recipe.read_text())
    bar = {"class_path": "pytorch_lightning.callbacks.TQDMProgressBar"}
    config["trainer"] |= {"callbacks+": [bar], "enable_progress_bar": True}
    mine = tmp_path / "recipe.yaml"
    mine.write_text(yaml.safe_dump(config))
    fit(mine, tmp_path / "run", "--trainer.max_steps=1", "--trainer.limit_val_batches=0")
    assert (tmp_path / "run" / "student").is_dir()
