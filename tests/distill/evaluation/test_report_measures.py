import runpy
from math import log
from pathlib import Path

from distill.evaluation.report_measures import parity
from distill.evaluation.result_table import result_table

SYNTHETIC = runpy.run_path(str(Path(__file__).with_name("synthetic.py")))


def test_few_texts_tell_neither_parity_nor_disparity() -> None:
    """Four women to a man in half the professions, and four men to a woman in the others, told by four texts each."""
    leans = {str(number): log(4) * (-1) ** number for number in range(18)}
    measured = SYNTHETIC["metrics"](SYNTHETIC["generations"](leans, polar=0.15, prompts=2, samples=2))
    scores = measured["disparity"]["unigram"]
    assert scores["mean_ratio"] >= scores["fair_low"]
    assert scores["ci95"][0] <= 0 <= scores["ci95"][1]
    assert parity(measured) is None
    assert "Parity" not in result_table(measured)
