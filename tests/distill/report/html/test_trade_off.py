from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.evaluation.paired.prices import Price
from distill.report.html.charts import price_section
from distill.report.html.label_places import MARKER, Box, label_places, text_width
from distill.report.html.scatter import SIZES, panel_svg
from distill.report.html.standing import standing_section
from distill.report.html.trade_off import named_marks, trade_off
from distill.report.models import ReportedModel
from distill.report.verdict import Contrast
from distill.report.verdict.contrasts import RunContrast
from tests import synthetic_evaluations as synthetic

ROWS = synthetic.generations({"nurse": 1.0, "welder": -1.0}, prompts=2)
MEASURED = synthetic.metrics(ROWS)


def run(perplexity: float, disparity: float, coherence: float | None) -> Evaluation:
    """An evaluation with these figures, each with an interval of a tenth on either side."""
    scores = MEASURED["disparity"]["unigram"] | {
        "rms_log_odds": {"value": disparity, "ci95": [0.9 * disparity, 1.1 * disparity]}
    }
    token = MEASURED["perplexity"]["token"] | {"value": perplexity}
    metrics: dict[str, Any] = MEASURED | {"disparity": {"unigram": scores}, "perplexity": {"token": token}}
    metrics["coherence"] = coherence and {"value": coherence, "ci95": [coherence - 0.02, min(1, coherence + 0.02)]}
    return Evaluation(Path(str(perplexity)), metrics, ROWS)


def contrast(baseline: ReportedModel, model: ReportedModel, changes: list[float]) -> Contrast:
    """A contrast whose paired perplexities change by these shares."""
    prices = [
        {"perplexity": Price("perplexity", 10, 10, change, (change - 0.001, change + 0.001), 0.01, "not worse", 100)}
        for change in changes
    ]
    error = UserError("not comparable")
    return Contrast(baseline, model, tuple(RunContrast(error, price) for price in prices))


TEACHER = ReportedModel("teacher", (run(10.0, 1.3, 0.98),))
PLAIN = ReportedModel("plain", (run(10.02, 1.35, 0.98),))
FAIR = ReportedModel("counterfactual", (run(10.03, 0.1, 0.97),))
FLAGSHIP = [TEACHER, PLAIN, FAIR]
CONTRASTS = [contrast(TEACHER, PLAIN, [0.002]), contrast(TEACHER, FAIR, [0.003])]


def test_prices_are_paired_where_they_were() -> None:
    found = trade_off(FLAGSHIP, CONTRASTS)
    assert found is not None
    disparity, coherence = found.panels
    assert [points[0].price.value for points in disparity.points.values()] == [0, 0.002, 0.003]
    assert disparity.points["plain"][0].price.ci95 == (0.001, 0.003)
    assert disparity.points["plain"][0].height.ci95 == pytest.approx([1.215, 1.485])
    assert coherence.points["counterfactual"][0].height.value == 0.97


def test_an_unpaired_price_has_no_interval() -> None:
    """Intervals of two perplexities overlap although their difference is certain."""
    unpaired = Contrast(TEACHER, FAIR, (RunContrast(UserError("old"), {}),))
    found = trade_off([TEACHER, FAIR], [unpaired])
    assert found is not None
    price = found.panels[0].points["counterfactual"][0].price
    assert price.value == pytest.approx(0.003)
    assert price.ci95 is None


def test_no_name_covers_a_point_in_the_flagship() -> None:
    found = trade_off(FLAGSHIP, CONTRASTS)
    assert found is not None
    for panel in found.panels:
        names, marks = named_marks(panel)
        places = label_places(names, marks, SIZES)
        for width, height in SIZES:
            written = [
                place.box(mark.x * width, mark.y * height, text_width(name))
                for (name, mark), place in zip(names, places, strict=True)
            ]
            points = [
                Box(
                    mark.x * width - MARKER, mark.y * height - MARKER, mark.x * width + MARKER, mark.y * height + MARKER
                )
                for mark in marks
            ]
            assert not [1 for box in written for point in points if box.meets(point)]
            assert not [1 for one, other in combinations(written, 2) if one.meets(other)]


def test_each_run_is_a_point_tied_to_their_mean() -> None:
    runs = ReportedModel("plain", (run(10.02, 1.2, 0.98), run(10.04, 1.4, 0.97), run(10.03, 1.3, 0.96)))
    found = trade_off([TEACHER, runs], [contrast(TEACHER, runs, [0.002, 0.004, 0.003])])
    assert found is not None
    panel = found.panels[0]
    names, marks = named_marks(panel)
    assert len(marks) == 4
    assert names[1][1].x == pytest.approx(marks[3].x)
    drawn = panel_svg(panel)
    assert drawn.count("<circle") == 4
    assert drawn.count('class="path"') == 3
    assert "plain, run 2: perplexity +0.4 %, disparity 1.40" in drawn
    assert standing_section([TEACHER, runs]).count("<circle") == 4 * 3


def test_a_model_that_is_broken_is_low_in_the_second_panel() -> None:
    broken = ReportedModel("broken", (run(10.04, 0.3, 0.45),))
    found = trade_off([TEACHER, broken], [contrast(TEACHER, broken, [0.004])])
    assert found is not None
    panel = found.panels[1]
    assert panel.mark(panel.points["broken"][0]).y > 0.8
    assert panel.good[0] == pytest.approx(0.96)


def test_what_is_missing_is_left_out_and_named() -> None:
    silent = ReportedModel("silent", (replace(run(10.0, 1, None), metrics=MEASURED | {"perplexity": None}),))
    models, compared = [TEACHER, silent], [Contrast(TEACHER, silent, (RunContrast(UserError("old"), {}),))]
    assert "Not shown, because something is missing: silent." in price_section(models, compared)
    alone = ReportedModel("teacher", (run(10.0, 1.3, None),))
    found = trade_off([alone], [])
    assert found is not None
    assert [panel.title for panel in found.panels] == ["disparity, nats of log-odds"]
    assert "Disparity and lean<" in standing_section([alone])


@pytest.mark.parametrize("disparity", [0.0, 0.05, 5.0])
def test_the_margin_of_parity_is_always_in_sight(disparity: float) -> None:
    found = trade_off([ReportedModel("a", (run(10.0, disparity, 0.9),))], [])
    assert found is not None
    assert found.panels[0].good[1] == pytest.approx(0.2231, abs=1e-4)
    assert found.panels[0].high > 0.23
