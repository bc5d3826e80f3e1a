"""What is promised before an evaluation, against simulated evaluations."""

import numpy as np
import pytest

from distill.evaluation.disparity.noise_free import group_odds
from distill.evaluation.disparity.parity import shown
from distill.evaluation.margins import Margins
from distill.evaluation.planning.power import (
    gendered_texts_to_show_parity,
    smallest_coherence_drop,
    smallest_reduction,
)
from distill.evaluation.statistics.log_odds import cluster_sums

MARGIN = Margins().parity


def power(groups: int, prompts: int, gendered: float) -> float:
    """How often fair models with so many gendered texts a group are shown to be fair."""
    rng = np.random.default_rng(0)
    texts = rng.poisson(gendered / prompts, (1200, groups, prompts))
    female = rng.binomial(texts, 0.5).astype(float)
    return float(shown(group_odds(cluster_sums(female, texts - female), np.array(float(prompts))), MARGIN).mean())


@pytest.mark.parametrize(("groups", "prompts"), [(18, 50), (31, 12), (48, 20)])
def test_the_number_of_texts_has_the_power_that_is_said(groups: int, prompts: int) -> None:
    needed = gendered_texts_to_show_parity(groups, prompts, MARGIN)
    assert needed is not None
    assert power(groups, prompts, 0.85 * needed) < 0.8 < power(groups, prompts, 1.15 * needed)


def test_wider_margins_and_more_groups_need_fewer_texts() -> None:
    few = gendered_texts_to_show_parity(18, 50, 0.4)
    many = gendered_texts_to_show_parity(18, 50, 0.1)
    more_groups = gendered_texts_to_show_parity(60, 50, 0.1)
    assert few is not None
    assert many is not None
    assert more_groups is not None
    assert few < more_groups < many
    assert gendered_texts_to_show_parity(18, 50, 1e-5) is None


def test_the_smallest_reduction_is_the_simulated_one() -> None:
    """75 gendered texts a group in 18 groups find 25 % with a power of .72, and 150 with .97 (simulated)."""
    assert smallest_reduction(18, 75) == pytest.approx(0.28, abs=0.03)
    found = smallest_reduction(18, 150)
    assert found is not None
    assert found < 0.25
    assert smallest_reduction(18, 5) is None


def test_coherence_needs_many_openings() -> None:
    few, many = smallest_coherence_drop(144), smallest_coherence_drop(3000)
    assert few is not None
    assert many is not None
    assert many <= 0.021 < 0.05 < few
    assert smallest_coherence_drop(0) is None
