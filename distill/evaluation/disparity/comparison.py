"""Is one model less biased than another, or is the difference due to chance?

Two models continue the same prompts, so that whatever makes a prompt lean one way affects both and cancels: p values
come from swapping the two models prompt by prompt, intervals from resampling prompts for both models together; if the
few prompts of a group agree, intervals are at least as wide as if its texts were independent of each other, and the
two models as much alike as they are in the other groups.

With few texts, the ½ in the log-odds pulls them towards even odds, so that of two equally biased models the one that
speaks of gender less often would look less biased. If one model wrote few gendered texts for a group, therefore, only
as many randomly chosen texts of the other model are compared. This costs power, the more so the more the models differ
in this respect.

The measure is the root mean square of the groups' log-odds, after the sampling noise has been subtracted from the mean
square. The plain mean of |log-odds|, and the ratio, mistake noise for bias: they understate the fairness of a fairer
model, and of two equally fair models that of the one that speaks of gender less often. The ratio therefore has neither
interval nor test here. `benchmarks/coverage.py` simulates how often the tests and the interval of the disparity find a
difference that does not exist.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from distill.errors import UserError
from distill.evaluation.polarity.bold_unigram import Labeller, unigram
from distill.evaluation.statistics.bootstrap import DRAWS, interval, resampled_sums
from distill.evaluation.statistics.log_odds import binomial_variance, log_odds
from distill.evaluation.statistics.permutation import holm, permutation_test

_SETTINGS = ("temperature", "top_p", "top_k", "max_new_tokens", "include_prompt")
"""Settings that must be the same for both models: how texts were sampled, and how they were labelled."""
PROMPT = ["group", "prompt_id", "prompt"]
"""The columns that identify a prompt."""

Floats = NDArray[np.float64]

_TINY = np.finfo(float).tiny

ENOUGH = 20
"""Number of gendered texts in a group from which on it does not matter that the other model has more.

Simulated with 300 pairs of equally biased models and 18 groups, where one model has 75 texts per group and the other
20: the test of disparity at 5 % finds a difference in 5 % of the pairs if all groups lean by 2, and in 11 % if they
lean by 3; with 12 texts instead of 20, in 7 % and 49 %.
"""


@dataclass(frozen=True)
class Change:
    """A measure for two models over the same groups.

    Attributes:
        baseline: Value for the first model.
        value: Value for the second model.
        ci95: Bootstrap interval of value − baseline.
        p: Two-sided p value of the permutation test for no difference.
    """

    baseline: float
    value: float
    ci95: tuple[float, float]
    p: float

    @property
    def difference(self) -> float:
        """Value of the second model minus that of the baseline."""
        return self.value - self.baseline


@dataclass(frozen=True)
class GroupChange(Change):
    """The log-odds of one group for two models.

    Attributes:
        p_holm: p value adjusted for testing all groups (Holm 1979).
        h: Cohen's h, 2 asin √q − 2 asin √p, an effect size for two shares, here of women among gendered texts. By
            convention, .2 is small, .5 medium and .8 large.
        clusters: Number of prompts, or of samples of a single prompt, that were swapped for p.
    """

    p_holm: float
    h: float
    clusters: int


@dataclass(frozen=True)
class Comparison:
    """What changed from the baseline to another model.

    Attributes:
        groups: Number of groups compared: those for which both models wrote about women or men.
        prompts: Number of prompts in these groups.
        disparity: Root mean square log-odds over groups, in nats, without sampling noise; 0 is parity in every group.
            Like `less`, `log_odds` and `by_group`, it is based on equally many texts of both models in groups for which
            one of them wrote few.
        less: (estimate, low, high): the share of the baseline's disparity that was removed, negative if it grew, with
            its 95 % interval; an effect size. None if the baseline's own disparity is not distinguishable from 0.
        log_odds: Mean log-odds over groups, in nats: the overall lean, positive towards women. The difference, the
            logarithm of an odds ratio, is the effect size.
        mean_ratio: Mean ratio over groups, (baseline, other), based on all texts, like Cohen's h.
        by_group: The log-odds of each group.
    """

    groups: int
    prompts: int
    disparity: Change
    less: tuple[float, float, float] | None
    log_odds: Change
    mean_ratio: tuple[float, float]
    by_group: dict[str, GroupChange]


def label_generations(
    generations: pd.DataFrame, polarity: Labeller = unigram, include_prompt: bool = False
) -> pd.DataFrame:
    """Label the continuations of the profession prompts in a new column `polarity`.

    A second new column, `include_prompt`, records whether the prompts were labelled along with them.
    """
    rows = generations[generations["kind"] == "profession"]
    texts = rows["prompt"].astype(str) + rows["continuation"] if include_prompt else rows["continuation"]
    return rows.assign(polarity=[polarity(text) for text in texts], include_prompt=include_prompt)


def compare(baseline: pd.DataFrame, other: pd.DataFrame, draws: int = DRAWS, seed: int = 0) -> Comparison:
    """Compare two models by a paired bootstrap over prompts within groups.

    Args:
        baseline: Labelled generations of the first model, from `label_generations`.
        other: Labelled generations of the second model, for the same prompts.
        draws: Number of bootstrap draws and of permutations.
        seed: Seed of the resampling.

    Raises:
        UserError: If the two differ in prompts, samples per prompt, decoding or whether prompts are labelled, too, so
            that a difference would not be one between the models; or if no group has gendered texts of both.
    """
    _check_comparable(baseline, other)
    clusters = {
        name: texts
        for name, texts in _clusters(baseline, other)
        # A group without gendered texts of one model says nothing about how the two differ.
        if len(texts) > 1 and texts[:, :2].any() and texts[:, 2:].any()
    }
    if not clusters:
        raise UserError("no group in which both models wrote of women or men more than once; evaluate more samples")
    prompts = baseline.loc[baseline["group"].isin(clusters.keys()), "prompt_id"].nunique()
    identical = _identical(baseline, other, [name for name, texts in clusters.items() if _same_counts(texts)])
    return compare_counts(clusters, identical, prompts, draws, np.random.default_rng(seed))


def compare_counts(
    clusters: dict[str, Floats], identical: set[str], prompts: int, draws: int, rng: np.random.Generator
) -> Comparison:
    """Compare models from their female and male texts by prompt, `[prompts, 4]` for each group.

    `identical` names the groups in which both models wrote the same texts.
    """
    counts = np.stack([texts.sum(axis=0) for texts in clusters.values()])
    # A generator of its own, so that dropping texts does not change the results of other groups.
    chance = rng.spawn(1)[0]
    even = {name: _equal_counts(texts, chance) for name, texts in clusters.items()}
    resampled = _odds_draws(even, identical, draws, rng)
    p = permutation_test(list(even.values()), draws, rng)
    first, second = slice(0, 2), slice(2, 4)
    sums = np.stack([texts.sum(axis=0) for texts in even.values()])
    odds = _odds(sums[:, first]), _odds(sums[:, second])
    squares = [_squared_disparity(*of_model) for of_model in zip(odds, resampled.overall, strict=True)]
    (before, before_draws), (after, after_draws) = [(_root(value), _root(draws)) for value, draws in squares]
    less = None
    if np.quantile(squares[0][1], 0.025) > 0:
        low, high = interval(1 - after_draws / np.maximum(before_draws, np.finfo(float).eps))
        less = (float(1 - after / before), low, high)
    moved, moved_by_group = (odds_draws[1] - odds_draws[0] for odds_draws in resampled)
    changes = [
        GroupChange(float(one), float(other), _interval(draws), float(alone), float(among_all), float(h), len(texts))
        for one, other, draws, alone, among_all, h, texts in zip(
            *odds, moved_by_group.T, p.by_group, holm(p.by_group), _cohens_h(counts), clusters.values(), strict=True
        )
    ]
    return Comparison(
        groups=len(counts),
        prompts=prompts,
        disparity=Change(float(before), float(after), _interval(after_draws - before_draws), p.disparity),
        less=less,
        log_odds=Change(float(odds[0].mean()), float(odds[1].mean()), _interval(moved.mean(axis=1)), p.log_odds),
        mean_ratio=(_mean_ratio(counts[:, first]), _mean_ratio(counts[:, second])),
        by_group=dict(zip(clusters, changes, strict=True)),
    )


def _equal_counts(texts: Floats, rng: np.random.Generator) -> Floats:
    """Subsample female and male texts `[prompts, 4]` to equally many of both models if one of them has few."""
    models = [texts[:, :2].astype(np.int64), texts[:, 2:].astype(np.int64)]
    fewest = min(model.sum() for model in models)
    if fewest >= ENOUGH:
        return texts
    sampled = [rng.multivariate_hypergeometric(model.ravel(), fewest, method="marginals") for model in models]
    return np.hstack([cells.reshape(-1, 2) for cells in sampled]).astype(np.float64)


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = interval(draws)
    return low, high


def _cohens_h(counts: Floats) -> Floats:
    """Compute Cohen's h for the share of women among gendered texts, from counts `[groups, 4]` of both models.

    Source: Cohen 1988, *Statistical Power Analysis for the Behavioral Sciences*, chapter 6.
    """
    angles = [2 * np.arcsin(np.sqrt(counts[:, i] / (counts[:, i] + counts[:, i + 1]))) for i in (0, 2)]
    return angles[1] - angles[0]


def _same_counts(texts: Floats) -> bool:
    """Return whether both models wrote equally many female and male texts for every prompt, `[prompts, 4]`."""
    return np.array_equal(texts[:, :2], texts[:, 2:])


def _identical(baseline: pd.DataFrame, other: pd.DataFrame, groups: Collection[str]) -> set[str]:
    """Return the groups in which both models wrote the same texts, sample by sample, with the same labels.

    Texts are compared by the sum of their 64-bit hashes, regardless of their order.
    """
    sums = []
    for rows in (baseline, other):
        rows = rows[rows["group"].isin(groups)]
        hashes = pd.util.hash_pandas_object(rows[["prompt_id", "sample", "continuation", "polarity"]], index=False)
        sums.append(hashes.groupby(rows["group"]).sum())
    return set(sums[0].index[sums[0] == sums[1]])


class _Draws(NamedTuple):
    """Resampled log-odds of both models, `[2, draws, groups]`.

    Attributes:
        overall: For measures over all groups: in the mean over groups, the variance is at least binomial.
        by_group: For each group by itself: the variance of each is at least binomial.
    """

    overall: Floats
    by_group: Floats


def _odds_draws(clusters: dict[str, Floats], identical: set[str], draws: int, rng: np.random.Generator) -> _Draws:
    """Resample the log-odds of both models.

    Prompts are resampled for both models together. If the few prompts of a group agree, noise makes up for the variance
    that is missing. It is as correlated between the models as their resamples are, over all groups: independent noise
    would undo what pairing gains. Measures over all groups get only as much of it as is missing over all groups,
    because the variance of a few prompts falls short of the binomial one by chance in every other group.

    If every prompt has the same counts for both models but different texts, the counts show no spread of the
    difference, although the texts of each were sampled at random. There, a share of the resamples that is the same
    correlation is common to both models, and the others are independent.
    """
    # A generator of its own, so that the amount of added noise does not change p values.
    noise = rng.spawn(1)[0]
    resampled = [resampled_sums(texts, draws, rng) for texts in clusters.values()]
    odds = np.stack([[_odds(sums[:, own]) for sums in resampled] for own in (slice(0, 2), slice(2, 4))])
    counts = np.stack([texts.sum(axis=0) for texts in clusters.values()])
    centres, least = (
        np.stack([function(counts[:, model], counts[:, model + 1]) for model in (0, 2)])
        for function in (log_odds, binomial_variance)
    )
    same = np.array([_same_counts(texts) for texts in clusters.values()])
    correlation = _correlation(odds[:, ~same])
    shared = noise.normal(size=odds.shape[1:])
    own = noise.normal(size=odds.shape[1:])
    added = np.stack([shared, correlation * shared + np.sqrt(1 - correlation**2) * own])
    for group, name in enumerate(clusters):
        if name in identical:  # Chance affected both models in the same way.
            added[1, group] = added[0, group]
        elif same[group]:
            common = noise.random(draws) < correlation
            odds[1, group] = np.where(common, odds[0, group], noise.permutation(odds[0, group]))
    missing = np.maximum(least - odds.var(axis=2), 0)
    over_all = np.maximum((least - odds.var(axis=2)).sum(axis=1), 0) / np.maximum(missing.sum(axis=1), _TINY)
    both = []
    for scale in (missing * over_all[:, None], missing):
        widened = odds + np.sqrt(scale)[..., None] * added
        both.append(np.swapaxes(widened - widened.mean(axis=2, keepdims=True) + centres[..., None], 1, 2))
    return _Draws(*both)


def _correlation(odds: Floats) -> float:
    """Compute the correlation between two models' resampled log-odds `[2, groups, draws]` within groups; at least 0."""
    deviations = odds - odds.mean(axis=2, keepdims=True)
    first, second = (deviations**2).sum(axis=(1, 2))
    product = (deviations[0] * deviations[1]).sum()
    return float(np.clip(product / np.sqrt(first * second), 0, 1)) if first > 0 and second > 0 else 0.0


def _squared_disparity(odds: Floats, odds_draws: Floats) -> tuple[Floats, Floats]:
    """Compute the mean square of log-odds `[groups]` without noise, and its resamples from `[draws, groups]`.

    The mean of x² is too large by the variance of x. Resamples around x would contain that noise twice, and spread too
    widely: they are taken around log-odds shrunk to the mean square without noise. It is at least 0, and the squares
    are at most halved, because the noise of few texts is itself known only roughly.
    """
    estimate = (odds**2 - odds_draws.var(axis=0)).mean()
    centre = np.maximum(estimate, 0)
    shrunk = odds * np.sqrt(np.maximum(centre / np.maximum((odds**2).mean(), _TINY), 0.5))
    draws = ((odds_draws - odds + shrunk) ** 2).mean(axis=1)
    return estimate, draws - draws.mean() + centre


def _odds(counts: Floats) -> Floats:
    """Compute log-odds from female and male counts `[..., 2]`."""
    return log_odds(counts[..., 0], counts[..., 1])


def _root(square: Floats) -> Floats:
    return np.sqrt(np.maximum(square, 0))


def _mean_ratio(counts: Floats) -> float:
    """Compute the mean of min / max over groups from counts `[groups, 2]`, in which no row is all 0."""
    return float((counts.min(axis=1) / counts.max(axis=1)).mean())


def _clusters(baseline: pd.DataFrame, other: pd.DataFrame) -> Iterator[tuple[str, Floats]]:
    """Count the female and male texts of both models by group and prompt, or by sample if a group has one prompt.

    Yields:
        Name of the group, and `[clusters, 4]`.
    """
    both = pd.concat([baseline, other])
    model = np.repeat([0, 1], [len(baseline), len(other)])
    group_of, names = pd.factorize(both["group"])
    prompt_of, _ = pd.factorize(both["prompt_id"])
    column = 2 * model + (both["polarity"] == "male").to_numpy()
    polar = both["polarity"].isin(("female", "male")).to_numpy()
    sample = both["sample"].to_numpy()
    order = np.argsort(group_of, kind="stable")
    ends = np.searchsorted(group_of[order], np.arange(len(names)), side="right")
    for name, rows in zip(names, np.split(order, ends)[:-1], strict=True):
        cluster, distinct = pd.factorize(prompt_of[rows])
        if len(distinct) == 1:
            cluster, distinct = pd.factorize(sample[rows])
        cells = np.bincount(4 * cluster + column[rows], weights=polar[rows], minlength=4 * len(distinct))
        yield str(name), cells.astype(np.float64, copy=False).reshape(-1, 4)


def _check_comparable(baseline: pd.DataFrame, other: pd.DataFrame) -> None:
    for setting in _SETTINGS:
        values = [sorted(set(map(str, rows[setting].unique()))) for rows in (baseline, other)]
        if values[0] != values[1]:
            raise UserError(
                f"not comparable: {setting} is {', '.join(values[0])} in one, {', '.join(values[1])} in the other"
            )
    samples = [rows.groupby(PROMPT).size() for rows in (baseline, other)]
    if set(samples[0].index) != set(samples[1].index):
        shared = len(set(samples[0].index) & set(samples[1].index))
        raise UserError(
            f"not comparable: the prompts differ ({len(samples[0])} and {len(samples[1])}, {shared} of them shared)"
        )
    if not samples[0].sort_index().equals(samples[1].sort_index()):
        raise UserError("not comparable: the numbers of samples per prompt differ")
