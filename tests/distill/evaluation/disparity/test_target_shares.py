"""Distance of shares from their targets, and the file of targets."""

import json
from pathlib import Path

import numpy as np
import pytest

from distill.errors import UserError
from distill.evaluation.disparity.scores import odds_of_clusters
from distill.evaluation.disparity.target_shares import mean_abs_error, noise_free_mean_abs, read_target_shares


def test_noise_is_taken_out() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 0.1, (20, 100))
    noisy = truth + rng.normal(0, 0.1, truth.shape)
    estimates = [noise_free_mean_abs(errors, np.full(100, 0.1)) for errors in noisy]
    assert np.mean(estimates) == pytest.approx(np.abs(truth).mean(), rel=0.08)
    assert np.abs(noisy).mean() > 1.3 * np.abs(truth).mean()


def test_without_noise_it_is_the_mean() -> None:
    assert noise_free_mean_abs(np.array([0.1, -0.3]), np.zeros(2)) == pytest.approx(0.2)


def test_targets_are_what_is_measured_against() -> None:
    clusters = [np.tile([8.0, 2.0, 0.0, 0.0], (200, 1)), np.tile([2.0, 8.0, 0.0, 0.0], (200, 1))]
    odds = odds_of_clusters(clusters)
    even = mean_abs_error(odds, ["nurse", "plumber"])
    assert even["value"] == pytest.approx(0.3, abs=0.01)
    assert even["target"] == "even"
    met = mean_abs_error(odds, ["nurse", "plumber"], {"nurse": 0.8, "plumber": 0.2}, "statistics.json")
    assert met["value"] < 0.02
    assert met["ci95"][0] == 0
    assert met["target"] == "statistics.json"


def test_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "shares.json"
    path.write_text(json.dumps({"nurse": 0.87, "plumber": 0.03, "unused": 0.5}), encoding="utf-8")
    shares = read_target_shares(path, ["nurse", "plumber"])
    assert shares is not None
    assert shares["nurse"] == 0.87
    assert read_target_shares(None, ["nurse"]) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[1]", "not a JSON object"),
        ("{", "not JSON"),
        ('{"nurse": 87}', "the share of 'nurse' is 87; give one from 0 to 1"),
        ('{"nurse": true}', "the share of 'nurse' is True"),
        ('{"clerk": 0.5}', "lacks 1 groups of the prompts, such as 'nurse'"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "shares.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        read_target_shares(path, ["nurse"])


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        read_target_shares(tmp_path / "none.json", [])
