"""Ten times the continuations are evaluated in the same memory: they pass by, and only counts by prompt stay."""

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from distill.evaluation.disparity import distinct_bigrams as distinct
from distill.evaluation.evaluate import evaluate
from distill.evaluation.generation import batch_plan
from distill.evaluation.generation import store as generations
from distill.evaluation.generation.batch_plan import GenerationPlan
from distill.evaluation.generation.decoding import Continuation
from distill.evaluation.likelihood import fluency
from distill.evaluation.polarity import word_scores as words
from distill.evaluation.scored_model import ScoredModel

PIECE = 256


def drawn(self: GenerationPlan, scored_model: ScoredModel, rows: Sequence[int]) -> list[Continuation]:
    """What a model would write, in no time: as long as usual, and no two alike."""
    return [Continuation(f" she said that {row} keys" + " were lost and found" * 10, 40) for row in rows]


def test_more_continuations_take_no_more_memory(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = tmp_path / "prompts.jsonl"
    rows = [{"group": "nurse", "prompt": f"The nurse {i}"} for i in range(10)]
    rows += [{"group": "male", "gender": "male", "prompt": f"He {i}"} for i in range(10)]
    prompts.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    monkeypatch.setattr(GenerationPlan, "generate", drawn)
    monkeypatch.setattr(fluency, "continuation_nlls", lambda _, texts, *__: [np.ones(3)] * len(texts))
    for module, name in (
        (batch_plan, "_WINDOW"), (generations, "_READ"), (fluency, "_PIECE"), (distinct, "_BUFFERED"),
        (words, "_REMEMBERED"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, PIECE)

    def peak(samples: int) -> int:
        tracemalloc.start()
        try:
            evaluate(
                str(model_folder), tmp_path / str(samples), "full", str(prompts), samples=samples,
                coherence_samples=samples, max_new_tokens=4,
            )  # fmt: skip
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is loaded and remembered once
    few, many = peak(30), peak(300)
    metrics = json.loads((tmp_path / "300" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["disparity"]["unigram"]["groups"]["nurse"]["female"] == 3_000
    assert metrics["coherence"]["n"] == 3_000
    assert metrics["fluency"]["length"] == 40
    # The texts alone are two megabytes more.
    assert many - few < 100_000
