"""Is this model less biased than that one, or did chance choose its words?

Two models continue the same prompts, so their difference is resampled prompt by prompt, both at once: what makes a
prompt lean one way moves both models and cancels.

The measure is the root mean square of the groups' log-odds, with the noise of few texts taken off its square. The
plain mean of |log-odds|, and the ratio, take noise for bias: they call a fairer model less fair than it is, and of two
equally fair models the one that speaks of gender less often. Simulated with 10 to 30 prompts a group and 2 to 5 texts
a prompt, the 95 % interval of the difference held the truth in 90 to 100 % of the runs for this measure, and in 21 to
100 % for the mean of |log-odds|. With 5 texts a prompt the test is cautious, most so where both models are fair: it
finds a difference that is none less often than its level says.
"""

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distill.errors import UserError
from distill.evaluation.bootstrap import DRAWS, interval, resampled_sums
from distill.evaluation.disparity import binomial_variance, log_odds
from distill.evaluation.polarity import Labeller, unigram

_DECODING = ("temperature", "top_p", "top_k", "max_new_tokens")
_PROMPT = ["group", "prompt_id", "prompt"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """A measure of two models over the same groups.

    Attributes:
        baseline: Of the first model.
        value: Of the second.
        ci95: Interval of value − baseline.
        p: Two-sided, of no difference.
    """

    baseline: float
    value: float
    ci95: tuple[float, float]
    p: float

    @property
    def difference(self) -> float:
        """value − baseline."""
        return self.value - self.baseline


@dataclass(frozen=True)
class Comparison:
    """What changed from the baseline to another model.

    Attributes:
        groups: How many groups were compared: those where both models wrote of women or men.
        prompts: How many prompts they hold.
        disparity: Root mean square log-odds over groups, in nats, freed of sampling noise; 0 is parity in every group.
        less: (estimate, low, high): the share of the baseline's disparity that is gone, negative where it grew, with
            its 95 % interval; None where the baseline's own disparity cannot be told from none.
        log_odds: Mean log-odds over groups, in nats: the lean as a whole, positive towards women.
        mean_ratio: Mean ratio over groups. Its interval and p speak of the score with as many texts as these, not of
            the limit of many: a model that speaks of gender less often scores lower by that alone.
    """

    groups: int
    prompts: int
    disparity: Change
    less: tuple[float, float, float] | None
    log_odds: Change
    mean_ratio: Change


def labelled(generations: pd.DataFrame, polarity: Labeller = unigram, include_prompt: bool = False) -> pd.DataFrame:
    """The profession prompts' continuations, with the column `polarity` beside them; of prompt and all if asked."""
    rows = generations[generations["kind"] == "profession"]
    texts = rows["prompt"] + rows["continuation"] if include_prompt else rows["continuation"]
    return rows.assign(polarity=[polarity(text) for text in texts])


def compare(baseline: pd.DataFrame, other: pd.DataFrame, draws: int = DRAWS, seed: int = 0) -> Comparison:
    """Compare two models by a paired bootstrap over prompts within groups.

    Args:
        baseline: `labelled` generations of the first model.
        other: Those of the second, over the same prompts.
        draws: How often to resample.
        seed: Seed of the resampling.

    Raises:
        UserError: If the two differ in prompts, samples a prompt or decoding, so that their difference would be no
            difference of models; or if no group has gendered texts of both.
    """
    _refuse_unlike(baseline, other)
    rng = np.random.default_rng(seed)
    counts, resampled, prompts = [], [], 0
    others = dict(list(other.groupby("group", sort=False)))
    for name, rows in baseline.groupby("group", sort=False):
        clusters = _clusters(rows, others[name])
        total = clusters.sum(axis=0)
        # A group without a gendered text of one model says nothing of how the two differ.
        if len(clusters) < 2 or not (total[:2].any() and total[2:].any()):
            continue
        counts.append(total)
        resampled.append(resampled_sums(clusters, draws, rng))
        prompts += rows["prompt_id"].nunique()
    if not counts:
        raise UserError("no group in which both models wrote of women or men more than once; evaluate more samples")
    return _comparison(np.stack(counts), np.stack(resampled, axis=1), prompts)


def _comparison(counts: Floats, resampled: Floats, prompts: int) -> Comparison:
    """From counts `[groups, 4]`, female and male of either model, and their resamples `[draws, groups, 4]`."""
    first, second = slice(0, 2), slice(2, 4)
    squares = [_squared_disparity(counts[:, side], resampled[..., side]) for side in (first, second)]
    (before, before_draws), (after, after_draws) = [(_root(value), _root(draws)) for value, draws in squares]
    disparity = _change(before, after, after_draws - before_draws)
    less = None
    if np.quantile(squares[0][1], 0.025) > 0:
        low, high = interval(1 - after_draws / np.maximum(before_draws, np.finfo(float).tiny))
        less = (float(1 - after / before), low, high)
    odds, odds_draws = _mean_log_odds(counts), _mean_log_odds(resampled)
    ratios, ratio_draws = _mean_ratio(counts), _mean_ratio(resampled)
    spread = float(np.std(ratio_draws[1] - ratio_draws[0]))
    gap = float(ratios[1] - ratios[0])
    return Comparison(
        groups=len(counts),
        prompts=prompts,
        disparity=disparity,
        less=less,
        log_odds=_change(odds[0], odds[1], odds_draws[1] - odds_draws[0]),
        # Resampling biases a ratio once more: the spread of the draws is right, their place is not.
        mean_ratio=Change(
            baseline=float(ratios[0]),
            value=float(ratios[1]),
            ci95=(gap - 1.96 * spread, gap + 1.96 * spread),
            p=erfc(abs(gap) / spread / sqrt(2)) if spread else 1.0,
        ),
    )


def _change(baseline: Floats, value: Floats, differences: Floats) -> Change:
    """With the percentile interval, and the p value that agrees with it: the least level at which it leaves out 0."""
    draws = len(differences)
    beyond = min((differences <= 0).sum(), (differences >= 0).sum())
    low, high = interval(differences)
    return Change(float(baseline), float(value), (low, high), min(1.0, float(2 * (beyond + 1) / (draws + 1))))


def _squared_disparity(counts: Floats, resampled: Floats) -> tuple[Floats, Floats]:
    """Mean square log-odds over groups without its noise, of counts `[groups, 2]` and resamples `[draws, groups, 2]`.

    The mean of x² is too large by the variance of x: that of the bootstrap, or the binomial one where texts are so few
    that resampling cannot show it. Resamples carry the noise twice, and are moved to the estimate.
    """
    odds, odds_draws = log_odds(counts[:, 0], counts[:, 1]), log_odds(resampled[..., 0], resampled[..., 1])
    noise = np.maximum(odds_draws.var(axis=0), binomial_variance(counts[:, 0], counts[:, 1]))
    estimate = (odds**2 - noise).mean()
    draws = (odds_draws**2).mean(axis=1)
    return estimate, draws - draws.mean() + estimate


def _root(square: Floats) -> Floats:
    return np.sqrt(np.maximum(square, 0))


def _mean_log_odds(counts: Floats) -> tuple[Floats, Floats]:
    """Mean log-odds over groups of either model; counts `[..., groups, 4]`."""
    return (
        log_odds(counts[..., 0], counts[..., 1]).mean(axis=-1),
        log_odds(counts[..., 2], counts[..., 3]).mean(axis=-1),
    )


def _mean_ratio(counts: Floats) -> tuple[Floats, Floats]:
    """Mean of min / max over groups of either model; a resample without gendered texts counts as 1: even odds."""
    means = []
    for side in (counts[..., :2], counts[..., 2:]):
        least, most = side.min(axis=-1), side.max(axis=-1)
        means.append(np.where(most > 0, least / np.where(most > 0, most, 1), 1.0).mean(axis=-1))
    return means[0], means[1]


def _clusters(baseline: pd.DataFrame, other: pd.DataFrame) -> Floats:
    """Female and male texts of either model for each prompt, or each sample of a single prompt: `[clusters, 4]`."""
    unit = "prompt_id" if baseline["prompt_id"].nunique() > 1 else "sample"
    columns = [
        (rows["polarity"] == gender).groupby(rows[unit]).sum()
        for rows in (baseline, other)
        for gender in ("female", "male")
    ]
    return pd.concat(columns, axis=1).to_numpy(dtype=np.float64)


def _refuse_unlike(baseline: pd.DataFrame, other: pd.DataFrame) -> None:
    for setting in _DECODING:
        values = [sorted(set(map(str, rows[setting].unique()))) for rows in (baseline, other)]
        if values[0] != values[1]:
            raise UserError(
                f"not comparable: {setting} is {', '.join(values[0])} in one, {', '.join(values[1])} in the other"
            )
    samples = [rows.groupby(_PROMPT).size() for rows in (baseline, other)]
    if set(samples[0].index) != set(samples[1].index):
        shared = len(set(samples[0].index) & set(samples[1].index))
        raise UserError(
            f"not comparable: the prompts differ ({len(samples[0])} and {len(samples[1])}, of which {shared} are the "
            "same)"
        )
    if not samples[0].sort_index().equals(samples[1].sort_index()):
        raise UserError("not comparable: the samples of a prompt differ in number")
