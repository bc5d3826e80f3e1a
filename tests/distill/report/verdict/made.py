"""Models and comparisons with given figures, without a text."""

from pathlib import Path
from typing import Any

import pandas as pd

from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.evaluation.disparity.comparison import Change, Comparison, GroupChange
from distill.evaluation.margins import Margins
from distill.evaluation.paired.prices import Price, PriceName, judge
from distill.report.models import ReportedModel
from distill.report.verdict.contrasts import Contrast, RunContrast

MARGIN = Margins().parity
Interval = tuple[float, float]


def evaluation(
    name: str = "model",
    rms: float = 1.25,
    lean: float = 0.0,
    lean_ci: Interval = (-0.05, 0.05),
    parity: str | None = "refuted",
    bounds: Interval = (1.18, 1.32),
    **disparity: Any,
) -> Evaluation:
    """An evaluation with these figures of disparity; more entries of it may be given."""
    record: dict[str, Any] = {
        "verdict": parity,
        "margin": MARGIN,
        "lower": bounds[0],
        "upper": bounds[1],
        "lean_upper": max(map(abs, lean_ci)),
        "texts_needed": None,
        "groups_beyond": [],
    }
    entry = {
        "rms_log_odds": {"value": rms, "ci95": list(bounds)},
        "log_odds": lean,
        "ci95": list(lean_ci),
        "parity": record if parity else None,
        "groups": {},
    }
    metrics = {
        "schema": 2,
        "model": {"name": name, "sha256": name},
        "settings": {},
        "disparity": {"unigram": entry | disparity},
    }
    return Evaluation(Path(name), metrics, pd.DataFrame())


def model(name: str, *runs: Evaluation) -> ReportedModel:
    return ReportedModel(name, runs or (evaluation(name),))


def price(measure: PriceName, baseline: float, value: float, ci95: Interval) -> Price:
    """A price with the default margin; relative where it is a share of the baseline's."""
    change = value / baseline - 1 if measure in ("perplexity", "polar_rate") else value - baseline
    margin = getattr(Margins(), measure, None)
    verdict = None if margin is None else judge(measure, *ci95, margin)
    return Price(measure, baseline, value, change, ci95, margin, verdict, 100)


def run(
    before: float = 1.25,
    after: float = 1.25,
    p: float = 0.5,
    less: tuple[float, float, float] | None = None,
    lean: tuple[float, float, float] = (0.0, 0.0, 0.5),
    *prices: Price,
) -> RunContrast:
    """A comparison: the disparity before and after with p and the share removed; the lean before, after, and its p."""
    groups = {"nurse": GroupChange(1.0, 0.5, (-0.8, -0.2), 0.5, 0.5, 0.1, 12)}
    comparison = Comparison(
        groups=31,
        prompts=372,
        disparity=Change(before, after, (after - before - 0.1, after - before + 0.1), p),
        less=less,
        log_odds=Change(lean[0], lean[1], (lean[1] - lean[0] - 0.05, lean[1] - lean[0] + 0.05), lean[2]),
        mean_ratio=(0.4, 0.6),
        by_group=groups,
    )
    return RunContrast(comparison, {each.measure: each for each in prices})


def incomparable(*prices: Price) -> RunContrast:
    return RunContrast(UserError("not comparable: they differ"), {each.measure: each for each in prices})


def contrast(baseline: ReportedModel, other: ReportedModel, *runs: RunContrast) -> Contrast:
    return Contrast(baseline, other, runs)
