import numpy as np
import pytest

from distill.data.blocks import Block
from distill.perturbation.prefix_kinds import PrefixKind
from distill.preview.scores import gendered_nlls, perplexities, prefix_shares


@pytest.fixture
def nlls() -> np.ndarray:
    """A factual target over 30 blocks, and one that costs .1 nats more everywhere."""
    factual = np.random.default_rng(0).exponential(3.0, size=(30, 8))
    return np.stack([factual, factual + 0.1])


def test_differences_are_paired_position_by_position(nlls):
    scored = np.ones(nlls.shape[1:], dtype=bool)
    scored[3] = False
    factual, dearer = perplexities(nlls, scored, seed=0)
    assert factual["value"] == pytest.approx(np.exp(nlls[0][scored].mean()))
    assert (factual["ratio"], factual["ci95"], factual["tokens"]) == (1.0, None, 29 * 8)
    assert dearer["ratio"] == pytest.approx(np.exp(0.1))
    assert dearer["ci95"] == pytest.approx([np.exp(0.1)] * 2)


def test_only_the_chosen_positions_count(nlls):
    gendered = np.zeros(nlls.shape[1:], dtype=bool)
    gendered[5, 2] = gendered[7, 0] = True
    factual, dearer = gendered_nlls(nlls, gendered, seed=0)
    assert factual["nll"] == pytest.approx((nlls[0, 5, 2] + nlls[0, 7, 0]) / 2)
    assert factual["n"] == dearer["n"] == 2
    assert dearer["difference"] == pytest.approx(0.1)


def test_the_interval_is_that_of_blocks():
    """All of a difference in one block: with or without it makes all the difference."""
    nlls = np.zeros((2, 20, 50))
    nlls[1, 4] = 1.0
    low, high = gendered_nlls(nlls, np.ones((20, 50), dtype=bool), seed=0)[1]["ci95"]
    assert -0.1 < low <= 0
    assert high > 0.1


def test_without_a_gendered_token_there_is_no_figure(nlls):
    none = gendered_nlls(nlls, np.zeros(nlls.shape[1:], dtype=bool), seed=0)
    assert none == [{"nll": None, "n": 0, "difference": None, "ci95": None}] * 2


def test_a_single_block_has_no_interval(nlls):
    single = perplexities(nlls[:, :1], np.ones((1, 8), dtype=bool), seed=0)[1]
    assert single["ci95"] is None
    assert single["ratio"] == pytest.approx(np.exp(0.1))


def test_shares_of_prefixes_and_rows():
    ids, none = np.zeros(4, dtype=np.int64), np.empty(0, dtype=np.int64)
    kinds = [PrefixKind.NEUTRAL, PrefixKind.REVERSED, PrefixKind.REVERSED, PrefixKind.UNALIGNED]
    blocks = [
        Block(ids, ids, np.array(kinds, dtype=np.int8), ids, np.array([1, 2])),
        Block(ids, ids, np.full(4, PrefixKind.NEUTRAL, dtype=np.int8), none, none),
    ]
    assert prefix_shares(blocks) == {
        "prefixes": {"unaligned": 1 / 8, "neutral": 5 / 8, "reversed": 2 / 8},
        "rows_asked_twice": 0.5,
    }
