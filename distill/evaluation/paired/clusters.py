"""What two models did with the documents and prompts that they share: numerators and denominators, side by side."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PROMPT = ["kind", "group", "prompt_id"]


class Clusters(NamedTuple):
    """Clusters that two models share.

    Attributes:
        values: Numerator and denominator of the first model, and of the second, `[clusters, 4]`.
        strata: The group of each cluster, `[clusters]`.
    """

    values: Floats
    strata: NDArray[np.int64]


def documents(baseline: pd.DataFrame, other: pd.DataFrame, measure: str) -> Floats | None:
    """Pair the documents of two nlls.parquet.

    Args:
        baseline: The first model's nlls.parquet.
        other: The second model's.
        measure: The measure, such as `token`.

    Returns:
        Nats and count of the first model, and of the second, `[documents, 4]`; None if the models did not read the same
        documents, counted in the same units.
    """
    columns = [rows[rows["measure"] == measure].set_index("unit")[["nll", "count"]] for rows in (baseline, other)]
    first, second = (rows.sort_index() for rows in columns)
    if first.empty or not first["count"].equals(second["count"]):
        return None
    return np.hstack([first.to_numpy(np.float64), second.to_numpy(np.float64)])


def same_prompts(baseline: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return whether two models continued the same prompts equally often."""
    sizes = [rows.groupby(_PROMPT).size().sort_index() for rows in (baseline, other)]
    return bool(len(sizes[0])) and sizes[0].equals(sizes[1])


def prompts(baseline: pd.DataFrame, other: pd.DataFrame) -> Clusters:
    """Sum up continuations by prompt, or by sample where a group has a single prompt.

    Args:
        baseline: The first model's continuations: rows of generations.parquet with the columns `numerator` and
            `denominator`.
        other: The second model's, of the same prompts.
    """
    both = pd.concat([baseline, other], ignore_index=True)
    model = np.repeat([0, 1], [len(baseline), len(other)])
    group = both.groupby(["kind", "group"], sort=True).ngroup().to_numpy()
    prompt = both.groupby(_PROMPT, sort=True).ngroup().to_numpy()
    prompts_of_group = pd.Series(prompt).groupby(group).nunique()
    alone = prompts_of_group.to_numpy()[group] == 1
    keys = np.stack([group, prompt, np.where(alone, both["sample"], -1)])
    distinct, cluster = np.unique(keys, axis=1, return_inverse=True)
    values = np.zeros((distinct.shape[1], 4))
    for column, name in enumerate(("numerator", "denominator")):
        np.add.at(values, (cluster, 2 * model + column), both[name].to_numpy(np.float64))
    return Clusters(values, distinct[0].astype(np.int64))
