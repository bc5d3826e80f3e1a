"""Whatever the schema accepts can be shown: an entry that is absent or null was not measured."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distill.evaluation import Evaluation
from distill.evaluation.disparity.comparison import compare, label_generations
from distill.evaluation.paired.prices import paired_prices
from distill.evaluation.schema import find_metrics_error
from distill.report.html.page import page
from distill.report.matplotlib_figures import shares_figure, trade_off_figure
from distill.report.models import single_runs
from distill.report.table_formats import latex, markdown
from distill.report.verdict import Contrast, verdicts
from distill.report.verdict.contrasts import RunContrast
from tests import synthetic_evaluations as synthetic

ROWS = synthetic.generations({"nurse": 0.3, "welder": -0.3}, polar=1.0, prompts=8, samples=8)
# As it is read from a file.
MEASURED: dict[str, Any] = json.loads(json.dumps(synthetic.metrics(ROWS)))
FRAMES = [label_generations(ROWS.groupby("group").head(8))] * 2
COMPARISON = compare(*[label_generations(ROWS)] * 2)


def paths(entry: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every entry of a metrics.json."""
    if path:
        yield path
    if isinstance(entry, dict):
        for key, value in entry.items():
            yield from paths(value, (*path, key))


def without(path: tuple[str, ...], null: bool) -> dict[str, Any]:
    """The metrics with one entry removed or null."""
    metrics = entry = copy.deepcopy(MEASURED)
    for key in path[:-1]:
        entry = entry[key]
    if null:
        entry[path[-1]] = None
    else:
        del entry[path[-1]]
    return metrics


@pytest.mark.parametrize("null", [False, True])
def test_whatever_is_read_can_be_shown(null: bool) -> None:
    shown = 0
    for path in paths(MEASURED):
        metrics = without(path, null)
        if find_metrics_error(metrics):
            continue
        models = single_runs([Evaluation(Path("a"), metrics, ROWS), Evaluation(Path("b"), MEASURED, ROWS)])
        prices = paired_prices(models[0].first, models[1].first)
        compared = [Contrast(models[0], models[1], (RunContrast(COMPARISON, prices),))]
        found = verdicts(models, compared)
        page(models, compared, found, FRAMES)
        markdown(models, compared, found)
        latex(models, compared, found)
        assert len(models[0].first.groups) <= 2
        if path[0] in ("disparity", "perplexity"):
            shares_figure(models)
            trade_off_figure(models, compared)
        shown += 1
    assert shown > 50
