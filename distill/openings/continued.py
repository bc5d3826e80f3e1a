"""Openings that a model continues, for text in its own style behind them."""

from collections.abc import Sequence
from dataclasses import replace

from tqdm import tqdm

from distill.decoding.sampling import Sampling
from distill.evaluation.generation.decoding import continue_prompts, prompt_lengths
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.scored_model import ScoredModel
from distill.openings.rows import Row

_BATCH = 64


def continue_rows(scored_model: ScoredModel, rows: Sequence[Row], sampling: Sampling) -> list[Row]:
    """Let a model continue openings; the same model and seed write the same texts, whatever else is in a batch.

    Args:
        scored_model: The model, whose name the rows carry as their writer.
        rows: The openings.
        sampling: How it writes.

    Raises:
        UserError: If an opening does not fit into the model's context, or its probabilities are not finite.
    """
    prompts = [Prompt(row.subject, row.text) for row in rows]
    lengths = prompt_lengths(scored_model, prompts, sampling)
    texts = [""] * len(rows)
    order = sorted(range(len(rows)), key=lengths.__getitem__)
    with tqdm(total=len(rows), desc="continuing openings", unit="text", delay=2) as bar:
        for start in range(0, len(rows), _BATCH):
            batch = order[start : start + _BATCH]
            jobs = [(prompts[index], index) for index in batch]
            for index, continuation in zip(batch, continue_prompts(scored_model, jobs, sampling), strict=True):
                texts[index] = continuation.text
            bar.update(len(batch))
    return [replace(row, text=row.text + text, writer=scored_model.name) for row, text in zip(rows, texts, strict=True)]
