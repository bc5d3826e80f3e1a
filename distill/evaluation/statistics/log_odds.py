"""Log-odds of two counts, and their variance for small counts."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST_VARIANCE = float(np.log(5) ** 2 / 2)
"""The largest variance of log((F + ½) / (M + ½)) for any number of independent texts and any odds: two texts, p = ½."""


class ClusterSums(NamedTuple):
    """What the log-odds of groups and their variance are computed from, each of the same shape.

    Attributes:
        female: Σ f over clusters, where f is a cluster's number of female texts.
        male: Σ m.
        female_female: Σ f².
        female_male: Σ f m.
        male_male: Σ m².
    """

    female: Floats
    male: Floats
    female_female: Floats
    female_male: Floats
    male_male: Floats


def cluster_sums(female: Floats, male: Floats) -> ClusterSums:
    """Sum over the last axis of counts `[..., clusters]`."""
    products = (female, male, female * female, female * male, male * male)
    return ClusterSums(*(product.sum(axis=-1) for product in products))


def log_odds(female: Floats, male: Floats) -> Floats:
    """Compute log((F + ½) / (M + ½)) in nats, for arrays of any shape; positive where female texts prevail.

    Source: Haldane 1956 and Anscombe 1956; the ½ keeps it finite and nearly unbiased.
    """
    return np.log((female + 0.5) / (male + 0.5))


def binomial_variance(female: Floats, male: Floats) -> Floats:
    """Estimate the variance of log((F + ½) / (M + ½)) for F + M independent texts.

    It is 1 / (F + ½) + 1 / (M + ½), at most ½ log² 5, and 0 where there are no texts; arrays may have any shape. The
    true log-odds vary more if the prompts of a group differ.

    For a fair coin, its expectation is within 3 % of the true variance from two texts on, and 7 % above it for one. At
    p = .9 it is too large for fewer than about 50 texts: by 40 % for ten, threefold for one.

    Source: Gart & Zweifel 1967, *On the bias of various estimators of the logit and its variance*, Biometrika 54. The
    bound is ours: it is the variance for two texts and p = ½, which is the largest for any number of texts and any p.
    Without it, the estimate for a single text would be 2.67, where the true variance is 1.21.
    """
    estimate = np.minimum(1 / (female + 0.5) + 1 / (male + 0.5), LARGEST_VARIANCE)
    return np.where(female + male > 0, estimate, 0.0)


def clustered_variance(sums: ClusterSums, clusters: Floats) -> Floats:
    """Estimate the variance of log((F + ½) / (M + ½)) from how much clusters of texts, such as prompts, differ.

    By the delta method, unbiased in the limit of many texts. Not finite for a single cluster.

    Args:
        sums: Sums over the clusters of each group, of any shape.
        clusters: Number of clusters of each group, of the same shape or one that broadcasts to it.
    """
    by_female, by_male = 1 / (sums.female + 0.5), 1 / (sums.male + 0.5)
    squares = sums.female_female * by_female**2 - 2 * sums.female_male * by_female * by_male
    squares = squares + sums.male_male * by_male**2
    centre = sums.female * by_female - sums.male * by_male
    with np.errstate(divide="ignore", invalid="ignore"):
        return (squares - centre**2 / clusters) * (clusters / (clusters - 1))


def multinomial_variance(female: Floats, male: Floats, texts: Floats) -> Floats:
    """Estimate the variance of (F − M) / n for n texts, with shares (F + ½) / (n + 1) and (M + ½) / (n + 1)."""
    female, male = (female + 0.5) / (texts + 1), (male + 0.5) / (texts + 1)
    return (female + male - (female - male) ** 2) / texts
