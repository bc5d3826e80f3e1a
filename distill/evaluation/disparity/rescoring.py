"""Score stored continuations, by whichever polarity and without a model.

from distill.evaluation import load
from distill.evaluation.disparity.rescoring import rescore

rescore(load("evaluations/student").generations, "gender_max")
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from distill.evaluation.disparity.label_counts import Tally
from distill.evaluation.disparity.measures import Disparity, disparity_of
from distill.evaluation.polarity.bold_unigram import Labeller
from distill.evaluation.polarity.word_vector_polarity import PolarityName, WordTable, labeller

SCORED = ("kind", "group", "prompt_id", "prompt", "continuation")
"""Columns of `generations.parquet` that decide about a disparity."""


def rescore(
    generations: pd.DataFrame,
    polarity: PolarityName | Labeller = "unigram",
    table: WordTable | None = None,
    include_prompt: bool = False,
    seed: int = 0,
) -> Disparity:
    """The disparity of an evaluation's continuations, as in `metrics.json`.

    Args:
        generations: Of `generations.parquet`.
        polarity: Its name, or any function of a text.
        table: Polarities of words for `gender_max` and `gender_wavg`; the one that comes with us for None.
        include_prompt: Whether the prompt's own words count too. Some published figures do so; it makes a prompt
            that names a gender a finding about the model.
        seed: Seed of the bootstrap.
    """
    label = polarity if callable(polarity) else labeller(polarity, table)
    columns = [generations[name] for name in SCORED]
    return disparity_of(count_labels(zip(*columns, strict=True), label, include_prompt), seed)


def count_labels(rows: Iterable[Sequence[str]], label: Labeller, include_prompt: bool = False) -> Tally:
    """Label the continuations of profession prompts.

    Args:
        rows: Of each continuation the columns `SCORED`; read once.
        label: What names the polarity of a text.
        include_prompt: Whether the prompt's own words count too.
    """
    tally = Tally()
    for kind, group, prompt_id, prompt, continuation in rows:
        if kind == "profession":
            tally.add(group, prompt_id, label(prompt + continuation if include_prompt else continuation))
    return tally
