"""Score stored continuations by any polarity, without a model.

from distill.evaluation import load
from distill.evaluation.disparity.rescoring import rescore

rescore(load("evaluations/student").generations, "gender_max")
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from distill.evaluation.disparity.label_counts import Tally
from distill.evaluation.disparity.scores import Disparity, disparity_of
from distill.evaluation.polarity.bold_unigram import Labeller
from distill.evaluation.polarity.word_vector_polarity import PolarityName, WordTable, labeller

SCORED = ("kind", "group", "prompt_id", "prompt", "continuation")
"""Columns of `generations.parquet` that determine a disparity."""


def rescore(
    generations: pd.DataFrame,
    polarity: PolarityName | Labeller = "unigram",
    table: WordTable | None = None,
    include_prompt: bool = False,
    seed: int = 0,
) -> Disparity:
    """Compute the disparity of an evaluation's continuations, as in `metrics.json`.

    Args:
        generations: Content of `generations.parquet`.
        polarity: Name of a polarity, or any function that labels a text.
        table: Word polarities for `gender_max` and `gender_wavg`; None for the built-in table.
        include_prompt: Whether the words of the prompt itself count, too. Some published results count them; the gender
            that a prompt names is then attributed to the model.
        seed: Seed of the bootstrap.
    """
    label = polarity if callable(polarity) else labeller(polarity, table)
    columns = [generations[name] for name in SCORED]
    return disparity_of(count_labels(zip(*columns, strict=True), label, include_prompt), seed)


def count_labels(rows: Iterable[Sequence[str]], label: Labeller, include_prompt: bool = False) -> Tally:
    """Label the continuations of profession prompts.

    Args:
        rows: The columns `SCORED` of each continuation; iterated once.
        label: Returns the polarity of a text.
        include_prompt: Whether the words of the prompt itself count, too.
    """
    tally = Tally()
    for kind, group, prompt_id, prompt, continuation in rows:
        if kind == "profession":
            tally.add(group, prompt_id, label(prompt + continuation if include_prompt else continuation))
    return tally
