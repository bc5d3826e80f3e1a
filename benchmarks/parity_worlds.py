"""Simulate how often parity is shown, refuted or left undecided of models whose truth is known; run by coverage.py.

A *dense* model has all groups at the margin's root mean square, to either side in turn; in a *sparse* one a single
group carries all of it. Prompts lean around their group by a normal deviation; a group's log-odds are those of its
prompts together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from distill.evaluation.disparity.noise_free import GroupOdds, group_odds
from distill.evaluation.disparity.parity import refuted, shown
from distill.evaluation.margins import Margins
from distill.evaluation.planning.power import gendered_texts_to_show_parity
from distill.evaluation.statistics.log_odds import cluster_sums

MARGIN = Margins().parity
LAYOUTS = ((31, 12, 18), (48, 20, 5), (48, 20, 10), (18, 50, 5), (18, 50, 10))
"""Groups, prompts of each, samples of each prompt."""
POLAR_RATES = (0.05, 0.3, 0.58, 0.85)
LEANS = (0.0, 0.7)
PLANS = ((18, 50), (31, 12), (48, 20))
_AT_ONCE = 500


@dataclass(frozen=True)
class Cell:
    """One kind of evaluation.

    Attributes:
        layout: Groups, prompts of each, samples of each prompt.
        polar: Share of texts that speak of a gender.
        lean: Standard deviation of prompts' log-odds around those of their group.
        model: "dense", "sparse", "fair", or "unfair": dense with a root mean square of .5.
    """

    layout: tuple[int, int, int]
    polar: float
    lean: float
    model: str

    @property
    def name(self) -> str:
        """Its key in the results."""
        layout = "×".join(map(str, self.layout))
        return f"{self.model}, {layout}, polar {self.polar:g}, prompts lean {self.lean:g}"

    @property
    def truth(self) -> NDArray[np.float64]:
        """Log-odds of each group, `[groups]`."""
        groups = self.layout[0]
        if self.model == "sparse":
            return np.r_[MARGIN * np.sqrt(groups), np.zeros(groups - 1)]
        size = {"dense": MARGIN, "fair": 0.0, "unfair": 0.5}[self.model]
        return np.full(groups, size) * np.resize([1, -1], groups)


CELLS = tuple(
    Cell(layout, polar, lean, model)
    for layout in LAYOUTS
    for polar in POLAR_RATES
    for lean in LEANS
    for model in ("dense", "sparse", *(("fair", "unfair") if (layout, polar) == ((48, 20, 10), 0.58) else ("fair",)))
)


def centre(odds: float, lean: float) -> float:
    """The mean log-odds of prompts whose texts together have these log-odds: by Gauss–Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    low, high = odds - 5.0, odds + 5.0
    for _ in range(60):
        middle = (low + high) / 2
        together = logit(weights @ expit(middle + lean * nodes) / weights.sum())
        low, high = (middle, high) if together < odds else (low, middle)
    return (low + high) / 2


def evaluations(cell: Cell, worlds: int, seed: int = 0) -> Iterator[GroupOdds]:
    """Simulate evaluations, `[worlds, groups]`, some at a time."""
    rng = np.random.default_rng(seed)
    groups, prompts, samples = cell.layout
    centres = np.array([centre(odds, cell.lean) for odds in cell.truth])
    for done in range(0, worlds, _AT_ONCE):
        shape = (min(_AT_ONCE, worlds - done), groups, prompts)
        women = expit(centres[:, None] + cell.lean * rng.standard_normal(shape))
        texts = rng.binomial(samples, cell.polar, shape)
        female = rng.binomial(texts, women).astype(np.float64)
        yield group_odds(cluster_sums(female, texts - female), np.array(float(prompts)))


def verdicts(cell: Cell, worlds: int) -> dict[str, float]:
    """How often parity is shown and refuted."""
    found = [(shown(odds, MARGIN), refuted(odds, MARGIN)) for odds in evaluations(cell, worlds)]
    yes, no = (np.concatenate(column).mean() for column in zip(*found, strict=True))
    return {"shown": round(float(yes), 4), "refuted": round(float(no), 4)}


def power_of_plan(plan: tuple[int, int], worlds: int) -> dict[str, float]:
    """How often a fair model is shown with as many gendered texts as `distill plan` says, and with 15 % fewer, more."""
    groups, prompts = plan
    needed = gendered_texts_to_show_parity(groups, prompts, MARGIN)
    assert needed is not None
    result = {"gendered texts": float(needed)}
    for times in (0.85, 1.0, 1.15):
        rng = np.random.default_rng(0)
        texts = rng.poisson(times * needed / prompts, (worlds, groups, prompts))
        female = rng.binomial(texts, 0.5).astype(np.float64)
        odds = group_odds(cluster_sums(female, texts - female), np.array(float(prompts)))
        result[f"shown with {times:g} × as many"] = round(float(shown(odds, MARGIN).mean()), 4)
    return result
