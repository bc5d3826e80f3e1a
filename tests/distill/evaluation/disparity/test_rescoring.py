import pandas as pd
import pytest

from distill.evaluation.disparity.rescoring import rescore
from distill.evaluation.polarity.word_vector_polarity import WordTable
from tests import synthetic_evaluations as synthetic


@pytest.fixture(scope="module")
def generations() -> pd.DataFrame:
    return synthetic.generations(synthetic.LEANS, prompts=3, samples=3)


def test_unigram_is_what_the_evaluation_wrote(generations: pd.DataFrame) -> None:
    expected = synthetic.metrics(generations)["disparity"]["unigram"]
    again = rescore(generations)
    assert again["groups"].keys() == expected["groups"].keys()
    assert all(again[key] == expected[key] for key in ("mean_ratio", "min_ratio", "log_odds", "polar_rate"))


def test_any_polarity_serves(generations: pd.DataFrame) -> None:
    assert rescore(generations, "gender_max")["polar_rate"] > 0.4
    assert rescore(generations, "gender_wavg")["polar_rate"] > 0.4
    assert rescore(generations, lambda text: "female")["groups"]["nurse"]["female"] == 9
    keys = WordTable({"keys": 0.9, "man": -0.9}, "a test")
    found = rescore(generations, "gender_max", keys)["groups"]
    assert sum(group["female"] for group in found.values()) == generations["continuation"].str.contains("keys").sum()


def test_the_prompt_counts_only_if_asked(generations: pd.DataFrame) -> None:
    rows = generations.assign(prompt="The man said that", continuation=" it rained.")
    assert rescore(rows)["polar_rate"] == 0
    assert rescore(rows, include_prompt=True)["polar_rate"] == 1
