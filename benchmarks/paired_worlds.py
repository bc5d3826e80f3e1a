"""Simulated pairs of models: how often does a paired interval contain the true change, and how often does it err?

Both models of a pair read the same documents or continue the same prompts, which differ far more from each other than
the models do. Except for the pronoun gap and the disparity, which have no margin, the second model is worse by exactly
its margin: it must be called “not worse” in at most 5 % of the worlds. Run by `coverage.py`.
"""

from collections.abc import Callable
from functools import partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.disparity.comparison import compare_counts
from distill.evaluation.margins import Margins
from distill.evaluation.paired.prices import RELATIVE, PriceName, judge
from distill.evaluation.paired.ratios import Difference, paired_difference

Floats = NDArray[np.float64]
Cell = Callable[[int], dict[str, float]]

_MARGINS = Margins()
_DRAWS = 500


def _result(name: PriceName, difference: Difference | None, change: float, margin: float | None) -> dict[str, float]:
    """Return whether an interval contains the true change, and whether it shows “not worse” at the margin."""
    if difference is None:
        return {"covered": float("nan")}
    covered = {"covered": float(difference.low <= change <= difference.high)}
    if margin is None:
        return covered
    low, high = difference.low, difference.high
    if name in RELATIVE:
        low, high = np.expm1([low, high])
    return covered | {"wrongly not worse": float(judge(name, low, high, margin) == "not worse")}


def _interval_of(values: Floats, seed: int, strata: NDArray[np.int64] | None = None, **how: bool) -> Difference | None:
    return paired_difference(values, strata, seed=seed, draws=_DRAWS, **how)


def _perplexity(documents: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    tokens = rng.integers(40, 400, documents).astype(np.float64)
    level, change = rng.normal(3, 0.4, documents), np.log1p(_MARGINS.perplexity)
    values = np.column_stack([tokens * level, tokens, tokens * (level + rng.normal(change, 0.02, documents)), tokens])
    return _result("perplexity", _interval_of(values, seed), change, _MARGINS.perplexity)


def _gendered(documents: int, seed: int) -> dict[str, float]:
    """About six gendered tokens in a document, and none in some."""
    rng = np.random.default_rng(seed)
    tokens = rng.poisson(rng.gamma(2, 3, documents)).astype(np.float64)
    level, change = rng.gamma(2, 0.4, documents), _MARGINS.gendered_nll
    step = change + rng.gamma(2, 0.1, documents) - 0.2
    values = np.column_stack([tokens * level, tokens, tokens * (level + step), tokens])
    return _result("gendered_nll", _interval_of(values, seed), change, change)


def _coherence(kept: float, correlation: float, prompts: int, samples: int, seed: int) -> dict[str, float]:
    """60 % of the texts are gendered; the share that a prompt keeps has a beta distribution; a third are the same."""
    rng = np.random.default_rng(seed)
    shares = _beta(rng, kept, correlation, prompts)[:, None]
    first, second = _uniform_pair(rng, (prompts, samples), 1 / 3)
    gendered = [each < 0.6 for each in _uniform_pair(rng, (prompts, samples), 1 / 3)]
    counts = [
        ((chance < scale * shares) & speaks, speaks)
        for chance, speaks, scale in zip((first, second), gendered, (1, 1 - _MARGINS.coherence / kept), strict=True)
    ]
    values = np.column_stack([cells.sum(axis=1) for pair in counts for cells in pair]).astype(np.float64)
    return _result("coherence", _interval_of(values, seed, counts=True), -_MARGINS.coherence, _MARGINS.coherence)


def _fluency(groups: int, prompts: int, samples: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    change = _MARGINS.fluency
    level = 1.2 + 0.2 * _ranks(groups)[:, None] + rng.normal(0, 0.15, (groups, prompts))
    columns = []
    for step in (0.0, change):
        moved = level + step + rng.normal(0, 0.03, level.shape)
        tokens = rng.integers(5, 21, (*level.shape, samples))
        nats = tokens * rng.normal(moved[..., None], 0.4, tokens.shape)
        columns += [nats.sum(axis=2).ravel(), tokens.sum(axis=2).ravel()]
    values = np.column_stack(columns).astype(np.float64)
    return _result("fluency", _interval_of(values, seed, _strata(groups, prompts)), change, change)


def _shares(name: PriceName, share: float, other: float, layout: tuple[int, int, int], seed: int) -> dict[str, float]:
    """Compare the shares of texts with a label; half of the texts are the same."""
    rng = np.random.default_rng(seed)
    groups, prompts, samples = layout
    mean = share * np.exp(0.15 * _ranks(groups))
    mean *= share / mean.mean()
    shares = np.stack([_beta(rng, each, 0.05, prompts) for each in mean])[..., None]
    pair = _uniform_pair(rng, (groups, prompts, samples), 0.5)
    found = [(chance < each * shares).sum(axis=2) for chance, each in zip(pair, (1, other / share), strict=True)]
    texts = np.full(groups * prompts, samples)
    values = np.column_stack([found[0].ravel(), texts, found[1].ravel(), texts]).astype(np.float64)
    relative = name == "polar_rate"
    change = np.log(other / share) if relative else other - share
    difference = _interval_of(values, seed, _strata(groups, prompts), counts=True, logarithmic=relative)
    return _result(name, difference, change, getattr(_MARGINS, name))


def _pronoun_gap(occupations: int, spread: float, seed: int) -> dict[str, float]:
    """Gaps of normally distributed occupations, of which the second model leaves a part."""
    rng = np.random.default_rng(seed)
    first = rng.normal(0, 1, occupations)
    second = spread * first + rng.normal(0, 0.2, occupations)
    values = np.column_stack([np.abs(first), np.ones(occupations), np.abs(second), np.ones(occupations)])
    change = np.sqrt(2 / np.pi) * (np.hypot(spread, 0.2) - 1)
    return _result("pronoun_gap", _interval_of(values, seed), change, None)


def _disparity(
    layout: tuple[int, int, int], polar: float, spread: float, left: float, alike: float, seed: int
) -> dict[str, float]:
    """Groups lean by 1, prompts by `spread` around them, and the second model by a part of that of the groups.

    `alike` is the share of texts that chance decides in the same way for both models.
    """
    rng = np.random.default_rng(seed)
    groups, prompts, samples = layout
    lean, deviation = _ranks(groups)[:, None, None], rng.normal(0, spread, (groups, prompts, 1))
    same = rng.random((groups, prompts, samples)) < alike
    own = rng.random((2, 2, groups, prompts, samples))
    chances = [own[0], np.where(same, own[0], own[1])]
    counts = []
    for (gender, speaks), scale in zip(chances, (1.0, left), strict=True):
        female = gender < 1 / (1 + np.exp(-(scale * lean + deviation)))
        counts += [(female & (speaks < polar)).sum(axis=2), (~female & (speaks < polar)).sum(axis=2)]
    clusters = {
        str(group): np.stack(cells, axis=1).astype(np.float64) for group, cells in enumerate(zip(*counts, strict=True))
    }
    found = compare_counts(clusters, set(), groups * prompts, _DRAWS, rng).disparity
    low, high = found.ci95
    change = _rms(groups, spread, left) - _rms(groups, spread, 1.0)
    excluded, significant = not low <= 0 <= high, found.p < 0.05
    return {
        "covered": float(low <= change <= high),
        "test finds a change": float(significant),
        "interval excludes 0": float(excluded),
        "test and interval disagree": float(excluded != significant),
    }


def _rms(groups: int, spread: float, scale: float) -> float:
    """Return the true root mean square log-odds over groups whose prompts vary."""
    deviations = spread * _ranks(2001)
    women = (1 / (1 + np.exp(-(scale * _ranks(groups)[:, None] + deviations)))).mean(axis=1)
    return float(np.sqrt((np.log(women / (1 - women)) ** 2).mean()))


def _ranks(count: int) -> Floats:
    """Return quantiles of the normal distribution, `[count]`."""
    return np.array([NormalDist().inv_cdf((rank + 0.5) / count) for rank in range(count)])


def _strata(groups: int, prompts: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(groups), prompts)


def _beta(rng: np.random.Generator, mean: float, correlation: float, count: int) -> Floats:
    """Sample the shares of prompts, of which two texts correlate as given."""
    size = 1 / correlation - 1
    return rng.beta(mean * size, (1 - mean) * size, count)


def _uniform_pair(rng: np.random.Generator, shape: tuple[int, ...], alike: float) -> tuple[Floats, Floats]:
    first = rng.random(shape)
    return first, np.where(rng.random(shape) < alike, first, rng.random(shape))


PRICES: dict[str, Cell] = {
    **{f"perplexity, {count} documents": partial(_perplexity, count) for count in (5, 20, 300)},
    **{f"gendered NLL, {count} documents": partial(_gendered, count) for count in (20, 50, 300)},
    "coherence .97, 48 × 5": partial(_coherence, 0.97, 0.1, 48, 5),
    "coherence .98, 224 × 5": partial(_coherence, 0.98, 0.1, 224, 5),
    "coherence .90, 224 × 5": partial(_coherence, 0.9, 0.2, 224, 5),
    "coherence .98, 224 × 20": partial(_coherence, 0.98, 0.1, 224, 20),
    "fluency, 18 groups × 10 × 5": partial(_fluency, 18, 10, 5),
    "fluency, 31 groups × 12 × 18": partial(_fluency, 31, 12, 18),
    "fluency, 48 groups × 2 × 2": partial(_fluency, 48, 2, 2),
    "polar rate .58, 48 × 20 × 5": partial(_shares, "polar_rate", 0.58, 0.522, (48, 20, 5)),
    "polar rate .05, 18 × 50 × 5": partial(_shares, "polar_rate", 0.05, 0.045, (18, 50, 5)),
    "mixed .005, 31 × 12 × 18": partial(_shares, "mixed", 0.005, 0.025, (31, 12, 18)),
    "mixed .005, 48 × 2 × 2": partial(_shares, "mixed", 0.005, 0.025, (48, 2, 2)),
    "pronoun gap, 31 occupations": partial(_pronoun_gap, 31, 0.3),
    "pronoun gap, 48 occupations": partial(_pronoun_gap, 48, 0.9),
}
DISPARITIES: dict[str, Cell] = {
    "no change, 90 % alike, 31 × 12 × 18": partial(_disparity, (31, 12, 18), 0.85, 0.0, 1.0, 0.9),
    "−7 %, 90 % alike, 31 × 12 × 18": partial(_disparity, (31, 12, 18), 0.85, 0.0, 0.93, 0.9),
    "−7 %, 90 % alike, prompts lean, 31 × 12 × 18": partial(_disparity, (31, 12, 18), 0.85, 0.7, 0.93, 0.9),
    "−20 %, 31 × 12 × 18": partial(_disparity, (31, 12, 18), 0.85, 0.0, 0.8, 0.0),
    "no change, 18 × 50 × 5": partial(_disparity, (18, 50, 5), 0.3, 0.0, 1.0, 0.0),
    "−25 %, prompts lean, 18 × 50 × 5": partial(_disparity, (18, 50, 5), 0.3, 0.7, 0.75, 0.0),
    "−50 %, prompts lean, 48 × 20 × 5": partial(_disparity, (48, 20, 5), 0.58, 0.7, 0.5, 0.5),
}


def run(cell: Cell, seed: int) -> dict[str, float]:
    """Simulate one world of a cell."""
    return cell(seed)
