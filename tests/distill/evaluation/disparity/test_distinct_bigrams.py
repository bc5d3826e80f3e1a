import random
from itertools import pairwise
from pathlib import Path

import pytest

from distill.evaluation.disparity import distinct_bigrams as distinct
from distill.evaluation.disparity.distinct_bigrams import distinct_2


def test_distinct_2() -> None:
    assert distinct_2(["a b a b", "A b."]) == pytest.approx(2 / 4)
    assert distinct_2(["she's here", "one"]) == 1.0
    assert distinct_2(["", "one"]) is None
    assert distinct_2([]) is None


def test_what_memory_is_not_to_hold_is_counted_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(0)
    texts = [[f"w{int(draw.paretovariate(0.5)) % 500}" for _ in range(12)] for _ in range(300)]
    pairs = [pair for words in texts for pair in pairwise(words)]
    monkeypatch.setattr(distinct, "_BUFFERED", 100)
    assert distinct_2(map(" ".join, texts), tmp_path) == len(set(pairs)) / len(pairs)
    assert not list(tmp_path.iterdir())
