"""Score stored continuations, by whichever polarity and without a model.

from distill.evaluation import load
from distill.evaluation.rescoring import rescore

rescore(load("evaluations/student").generations, "gender_max")
"""

from typing import Any

import pandas as pd

from distill.evaluation.compare import labelled
from distill.evaluation.disparity import disparity
from distill.evaluation.polarity import Labeller
from distill.evaluation.vector_polarity import PolarityName, WordTable, labeller


def rescore(
    generations: pd.DataFrame,
    polarity: PolarityName | Labeller = "unigram",
    table: WordTable | None = None,
    include_prompt: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """The disparity of an evaluation's continuations, as in `metrics.json`.

    Args:
        generations: Of `generations.parquet`.
        polarity: Its name, or any function of a text.
        table: Polarities of words for `gender_max` and `gender_wavg`; the one that comes with us for None.
        include_prompt: Whether the prompt's own words count too. Some published figures do so; it makes a prompt
            that names a gender a finding about the model.
        seed: Seed of the bootstrap.
    """
    names_it = polarity if callable(polarity) else labeller(polarity, table)
    rows = labelled(generations, names_it, include_prompt)
    return disparity(rows["group"].tolist(), rows["prompt_id"].tolist(), rows["polarity"].tolist(), seed)
