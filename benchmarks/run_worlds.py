"""Simulate how often parity is shown and refuted of a training method, by several runs; run by coverage.py.

The disparity of a run deviates from the method's by a normal factor, its lean by a normal summand. The method's own
disparity, the mean over runs, lies at the margin (or at 0: a fair method), its lean at 0.
"""

from dataclasses import dataclass

import numpy as np
import parity_worlds
from numpy.typing import NDArray
from scipy.special import expit

from distill.evaluation.disparity.noise_free import GroupOdds, group_odds, rms_bounds
from distill.evaluation.disparity.parity import LEVEL
from distill.evaluation.statistics.log_odds import cluster_sums
from distill.report.verdict.seeds import parity_over_runs

MARGIN = parity_worlds.MARGIN
_LEAN = 0.7
_ODDS = np.linspace(-4, 4, 161)
_CENTRES = np.array([parity_worlds.centre(odds, _LEAN) for odds in _ODDS])


@dataclass(frozen=True)
class Method:
    """A training method.

    Attributes:
        runs: Number of its training runs.
        spread: Standard deviation of a run's disparity, as a share of the method's.
        lean_spread: Standard deviation of a run's lean, in nats.
        model: "dense" or "sparse" at the margin, or "fair"; as in parity_worlds.
        layout: Groups, prompts of each, samples of each prompt.
        polar: Share of texts that speak of a gender.
    """

    runs: int
    spread: float
    lean_spread: float
    model: str
    layout: tuple[int, int, int] = (31, 12, 18)
    polar: float = 0.85


METHODS = {
    f"{model}, {runs} runs, runs differ by {spread:.0%}, lean by {lean_spread:g}": Method(
        runs, spread, lean_spread, model
    )
    for model in ("dense", "sparse", "fair")
    for runs in (2, 3, 5)
    for spread, lean_spread in ((0.0, 0.0), (0.2, 0.05), (1.0, 0.05))
}


def run(method: Method, seed: int) -> dict[str, float]:
    """Simulate the runs of a method: is parity shown, is it refuted?"""
    rng = np.random.default_rng(seed)
    cell = parity_worlds.Cell(method.layout, method.polar, _LEAN, method.model)
    factors = np.maximum(0, 1 + method.spread * rng.standard_normal(method.runs))
    leans = method.lean_spread * rng.standard_normal(method.runs)
    found = [_evaluate(cell, factor * cell.truth + lean, rng) for factor, lean in zip(factors, leans, strict=True)]
    sizes = [float(np.sqrt(max(0.0, float(odds.mean_square)))) for odds in found]
    # What the bounds of single runs are asked for
    uppers = [rms_bounds(odds, LEVEL)[1] for odds in found] if min(sizes) == 0 else sizes
    verdict, *_ = parity_over_runs(sizes, uppers, [float(odds.mean) for odds in found], MARGIN)
    return {"shown": float(verdict == "shown"), "refuted": float(verdict == "refuted")}


def _evaluate(cell: parity_worlds.Cell, truth: NDArray[np.float64], rng: np.random.Generator) -> GroupOdds:
    groups, prompts, samples = cell.layout
    women = expit(np.interp(truth, _ODDS, _CENTRES)[:, None] + cell.lean * rng.standard_normal((groups, prompts)))
    texts = rng.binomial(samples, cell.polar, (groups, prompts))
    female = rng.binomial(texts, women).astype(np.float64)
    return group_odds(cluster_sums(female, texts - female), np.array(float(prompts)))
