"""Recipes that teach the bias again cause a warning."""

import pytest

from tests.fits import fit


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["--model.loss.lm_weight=0.5"], "without augmentation"),
        (["--model.loss.lm_weight=0.5", "--data.augmentation=append", "--data.names=false"], "Mary said he"),
        (["--model.loss.hidden_weight=0.5"], "hidden_weight"),
    ],
)
def test_what_teaches_the_bias_again_warns(recipe, tmp_path, overrides, reason):
    with pytest.warns(UserWarning, match=reason):
        fit(recipe, tmp_path, "--trainer.max_steps=1", "--trainer.limit_val_batches=0", *overrides)
