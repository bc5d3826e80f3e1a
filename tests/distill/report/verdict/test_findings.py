from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from distill.evaluation import Evaluation
from distill.evaluation.disparity.comparison import Change, compare, label_generations
from distill.report.models import single_runs
from distill.report.verdict import Contrast, contrasts, verdicts
from distill.report.verdict.contrasts import RunContrast
from tests import synthetic_evaluations as synthetic

FLAT = dict.fromkeys("abcde", 0.0)


def said(first: pd.DataFrame, second: pd.DataFrame) -> str:
    """The verdict on the second model."""
    pair = single_runs([Evaluation(Path(), synthetic.metrics(rows), rows) for rows in (first, second)])
    return str(verdicts(pair, contrasts(pair, [[label_generations(first)], [label_generations(second)]]))[1])


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"prompts": 1, "samples": 30}, "Taken one by one, "),
        ({"prompts": 1, "samples": 6}, "Too few samples per group to test the groups one by one."),
        ({"prompts": 6, "samples": 30}, "Too few prompts per group to test the groups one by one."),
        ({"prompts": 9}, "Taken one by one, "),
    ],
)
def test_groups_are_tested_by_prompts_or_by_the_samples_of_one(sizes: dict[str, int], sentence: str) -> None:
    """With n prompts, p is at least 2 ** (1 - n), five times as much after Holm."""
    assert sentence in said(*(synthetic.generations(FLAT, polar=0.9, seed=seed, **sizes) for seed in (1, 2)))


@pytest.mark.parametrize(
    ("less", "amount"),
    [
        ((1.0, -0.13, 1.0), "less"),
        ((1.0, 0.0, 1.0), "less"),
        ((1.0, 0.004, 1.0), "less"),
        ((1.0, 0.38, 1.0), "at least 38 % less"),
        ((0.6, -0.13, 1.0), "less"),
        ((0.6, 0.2, 1.0), "at least 20 % less"),
        ((0.6, 0.4, 0.8), "60 % less"),
        ((0.03, 0.01, 0.06), "hardly less"),
    ],
)
def test_where_none_is_left_the_interval_says_how_much_is_certain(
    less: tuple[float, float, float], amount: str
) -> None:
    rows = synthetic.generations(FLAT, prompts=3)
    pair = single_runs([Evaluation(Path(), synthetic.metrics(rows), rows)] * 2)
    same = compare(label_generations(rows), label_generations(rows))
    found = replace(same, disparity=Change(1.0, 1.0 - less[0], (-1.0, 0.1), 0.01), less=less)
    contrast = Contrast(pair[0], pair[1], (RunContrast(found, {}),))
    assert f"; {amount} disparity than " in f"; {verdicts(pair, [contrast])[1].headline}"


def test_one_group_of_many_prompts_can_be_tested_beside_small_ones() -> None:
    pair = [
        pd.concat(
            [
                synthetic.generations(dict.fromkeys("abcd", 0.0), prompts=2, seed=seed),
                synthetic.generations({"e": lean}, polar=1.0, prompts=10, seed=seed),
            ]
        )
        for seed, lean in ((1, 0.0), (2, 0.0))
    ]
    assert "Taken one by one, " in said(*pair)


def test_more_groups_than_resamples_can_tell_apart() -> None:
    """With 2,000 resamples, p is at least 1/2001: above .05 after Holm from 101 groups on."""
    groups = {f"group{number}": 0.0 for number in range(101)}
    pair = [synthetic.generations(groups, polar=1.0, prompts=1, samples=15, seed=seed) for seed in (1, 2)]
    assert "101 groups are too many to test one by one." in said(*pair)
    assert "Taken one by one, " in said(*(frame[frame["group"] != "group0"] for frame in pair))
