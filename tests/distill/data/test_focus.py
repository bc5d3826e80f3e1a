"""Blocks drawn by what they teach: their probabilities by definition, draws by frequency, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.data.focus import (
    TEXT_KEY,
    block_probabilities,
    check_focus,
    correction_weights,
    draw_blocks,
    text_checksum,
)
from distill.data.sampler import GlobalBatchSampler
from distill.errors import UserError

LENGTH = 4


class Packed(SimpleNamespace):
    def array(self, name: str) -> np.ndarray:
        return {"starts": self.starts, "tokens": np.arange(self.tokens, dtype=np.uint16)}[name]


def text(lengths: list[int]) -> tuple[Packed, int]:
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return Packed(starts=starts, tokens=sum(lengths)), (sum(lengths) - 1) // LENGTH


def ranking(folder, lengths, scores, checksum=None):
    order = np.argsort([-1 if score is None else -score for score in scores], kind="stable")
    path = folder / "ranking.parquet"
    columns = {
        "document": order + 1,
        "tokens": np.array(lengths)[order],
        "kl_per_token": [scores[index] for index in order],
        "beginning": ["" for _ in order],
    }
    pq.write_table(
        pa.table(columns).replace_schema_metadata({TEXT_KEY: checksum or text_checksum(text(lengths)[0])}), path
    )
    return path


@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0.01, 5)), min_size=3, max_size=20), st.floats(0, 0.99))
def test_a_block_has_what_its_tokens_teach(tmp_path_factory, documents, focus):
    lengths, scores = map(list, zip(*documents, strict=True))
    packed, blocks = text(lengths)
    if not blocks:
        return
    of_token = np.repeat(scores, lengths)
    taught = np.array([sum(of_token[1 + i * LENGTH : 1 + (i + 1) * LENGTH]) for i in range(blocks)])
    path = ranking(tmp_path_factory.mktemp("ranking"), lengths, scores)
    found = block_probabilities(packed, blocks, LENGTH, path, focus)
    np.testing.assert_allclose(found, (1 - focus) / blocks + focus * taught / taught.sum())
    assert found.sum() == pytest.approx(1)
    # The expectation of what a corrected draw gives is what the text gives.
    loss = np.random.default_rng(0).random(blocks)
    assert (found * correction_weights(found) * loss).sum() == pytest.approx(loss.mean())


def test_draws_follow_the_probabilities_and_hang_on_seed_and_epoch_alone():
    probabilities = np.array([0.5, 0.25, 0.125, 0.125])
    counts = sum(np.bincount(draw_blocks(probabilities, 1, epoch), minlength=4) for epoch in range(5000))
    np.testing.assert_allclose(counts / counts.sum(), probabilities, atol=0.02)
    many = np.full(50, 0.02)
    draws = [draw_blocks(many, seed, epoch).tolist() for seed, epoch in ((1, 7), (1, 7), (2, 7), (1, 8))]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert draws[0] != draws[3]
    assert 0 not in draw_blocks(np.array([0.0, 1.0, 0.0]), 1, 1)


def test_a_run_that_continues_draws_the_rest_of_its_epoch():
    probabilities = np.arange(1, 13) / 78

    def batches(consumed: int) -> list[list[int]]:
        return list(GlobalBatchSampler(12, 4, 2, 0, 1, 5, lambda: consumed, probabilities))

    assert batches(1) == batches(0)[2:]
    assert len(GlobalBatchSampler(12, 4, 2, 0, 1, 5, lambda: 1, probabilities)) == 6
    assert batches(3) != batches(0)


def test_documents_without_a_score_teach_nothing(tmp_path):
    lengths = [5, 4, 4]
    packed, blocks = text(lengths)
    found = block_probabilities(packed, blocks, LENGTH, ranking(tmp_path, lengths, [1.0, None, 2.0]), 0.5)
    np.testing.assert_allclose(found, [1 / 6 + 0.5 * 4 / 12, 1 / 6, 1 / 6 + 0.5 * 8 / 12])
    with pytest.raises(UserError, match="by it, no block teaches anything"):
        block_probabilities(packed, blocks, LENGTH, ranking(tmp_path, lengths, [0.0, None, 0.0]), 0.5)


def test_a_ranking_of_another_text_is_refused(tmp_path):
    packed, blocks = text([5, 4, 4])
    path = ranking(tmp_path, [5, 4], [1.0, 1.0])
    with pytest.raises(UserError, match=r"is of another text, .* ranks 2 documents, and data.train holds 3; write it"):
        block_probabilities(packed, blocks, LENGTH, path, 0.5)
    for lengths, checksum in (([5, 4, 3], None), ([4, 5, 4], None), ([5, 4, 4], "ffffffff")):
        path = ranking(tmp_path, lengths, [1.0, 1.0, 1.0], checksum)
        with pytest.raises(UserError, match=r"its 3 documents have other tokens than those of data.train; write it"):
            block_probabilities(packed, blocks, LENGTH, path, 0.5)
    table = pq.read_table(ranking(tmp_path, [5, 4, 4], [1.0, 1.0, 1.0]))
    pq.write_table(table.replace_schema_metadata(None), tmp_path / "ranking.parquet")
    with pytest.raises(UserError, match="other tokens"):
        block_probabilities(packed, blocks, LENGTH, tmp_path / "ranking.parquet", 0.5)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_text("no Parquet")
    for path in (damaged, tmp_path / "nowhere.parquet"):
        with pytest.raises(UserError, match="cannot be read"):
            block_probabilities(packed, blocks, LENGTH, path, 0.5)
    pq.write_table(pa.table({"document": [1]}), damaged)
    with pytest.raises(UserError, match="cannot be read"):
        block_probabilities(packed, blocks, LENGTH, damaged, 0.5)


@pytest.mark.parametrize(("focus", "path"), [(-0.1, "r"), (1.0, "r"), (0.5, None), (0.0, "r")])
def test_settings_that_do_not_fit_are_refused(focus, path):
    with pytest.raises(UserError, match=r"data.focus"):
        check_focus(focus, path)
