import numpy as np
import pandas as pd

from distill.evaluation.paired.clusters import documents, prompts, same_prompts
from tests import synthetic_evaluations as synthetic


def _rows(seed: int, prompts: int = 3, samples: int = 4) -> pd.DataFrame:
    rows = synthetic.generations({"nurse": 0.5, "chef": -0.5}, prompts=prompts, samples=samples, seed=seed)
    rng = np.random.default_rng(seed)
    return rows.assign(numerator=rng.integers(5, size=len(rows)), denominator=rng.integers(5, 9, size=len(rows)))


def test_prompts_are_summed_side_by_side() -> None:
    first, second = _rows(1), _rows(2)
    found = prompts(first, second.sample(frac=1, random_state=0))
    columns = ["numerator", "denominator"]
    keys = ["kind", "group", "prompt_id"]
    expected = np.hstack([rows.groupby(keys)[columns].sum().to_numpy() for rows in (first, second)])
    several = first[first["kind"] == "profession"].groupby(keys).ngroups
    assert sorted(map(tuple, found.values)) == sorted(map(tuple, expected))
    assert len(found.values) == several + 2  # and the two openings of the coherence measure
    assert np.unique(found.strata, return_counts=True)[1].tolist() == [1, 1, 3, 3]


def test_samples_of_a_single_prompt_are_its_clusters() -> None:
    first, second = (rows[rows["kind"] == "profession"] for rows in (_rows(1, prompts=1), _rows(2, prompts=1)))
    found = prompts(first, second)
    assert found.values.tolist() == [
        [*one, *other]
        for group in ("chef", "nurse")
        for one, other in zip(
            *(
                rows[rows["group"] == group].sort_values("sample")[["numerator", "denominator"]].to_numpy()
                for rows in (first, second)
            ),
            strict=True,
        )
    ]


def test_prompts_must_be_the_same_and_equally_often_continued() -> None:
    rows = _rows(1)
    assert same_prompts(rows, rows.sample(frac=1, random_state=0))
    assert not same_prompts(rows, _rows(1, samples=3))
    assert not same_prompts(rows, _rows(1, prompts=2))
    assert not same_prompts(rows[:0], rows[:0])


def test_documents_are_paired_by_their_number() -> None:
    first = pd.DataFrame(
        {"measure": ["token"] * 2 + ["word"], "unit": [0, 1, 0], "nll": [1.0, 2.0, 9.0], "count": [3, 4, 5]}
    )
    second = first.assign(nll=first["nll"] + 0.5)
    paired = documents(first, second[::-1], "token")
    assert paired is not None
    assert paired.tolist() == [[1, 3, 1.5, 3], [2, 4, 2.5, 4]]
    assert documents(first, second.assign(count=[3, 5, 5]), "token") is None
    assert documents(first, second[1:], "token") is None
    assert documents(first, second, "gendered") is None
