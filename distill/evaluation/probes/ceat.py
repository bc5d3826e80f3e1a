"""Do a model's contextual word embeddings encode stereotypes? The Contextualized Embedding Association Test.

This is a check, not a measure of what this project improves: less disparity in what a model writes says nothing about
its embeddings, and the paper on role reversal reports that they do not become fairer (Gupta et al. 2022, abstract).

Source: Guo & Caliskan 2021, *Detecting Emergent Intersectional Biases* (AIES, arXiv 2006.03955). Each draw takes one
context per word and yields one effect size, Cohen's d; a random-effects model combines the draws. It treats draws as
independent studies although they share words and contexts, so that its p value is tiny for almost any model. Therefore
the p value of a permutation test over the target words is reported, too, as in Caliskan et al. 2017. Both are
two-sided.
"""

from collections.abc import Container, Mapping, Sequence
from math import erfc, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.documents import DocumentError, read_documents
from distill.errors import UserError
from distill.evaluation.probes.contextual_vectors import contextual_vectors, find_contexts
from distill.evaluation.probes.weat_word_sets import TESTS, Weat
from distill.evaluation.scored_model import ScoredModel

Floats = NDArray[np.float64]

CONTEXTS = 25
"""Maximum number of contexts per word."""
_FEWEST_CONTEXTS = 5
"""Words with fewer contexts are left out."""
_FEWEST_WORDS = 4
"""Minimum size of a word set; a test on fewer words is meaningless."""
_DRAWS, _PERMUTATIONS = 1000, 2000


def read_contexts(source: str, field: str) -> dict[str, list[str]]:
    """Read contexts of the tests' words from a text.

    Args:
        source: File, folder of files or hub id.
        field: Column of the text.

    Raises:
        UserError: If the source does not exist, cannot be read, or contains too few words of every test.
    """
    try:
        documents = read_documents(source, field=field)
    except DocumentError as error:
        raise UserError(f"--ceat: {error}") from error
    words = list(dict.fromkeys(word for test in TESTS.values() for word in test.words))
    found = find_contexts((document["text"] for document in documents), words, CONTEXTS)
    known = {word: contexts for word, contexts in found.items() if len(contexts) >= _FEWEST_CONTEXTS}
    if all(_known(test, known) is None for test in TESTS.values()):
        raise UserError(
            f"--ceat {source}: only {len(known)} of the tests' {len(words)} words occur in {_FEWEST_CONTEXTS} or more "
            "documents; give a larger text, such as Wikipedia's"
        )
    return known


def measure_ceat(scored_model: ScoredModel, contexts: Mapping[str, Sequence[str]], seed: int = 0) -> dict[str, Any]:
    """Run WEAT tests 6 to 8 on a model's embeddings of words in the given contexts.

    Returns:
        For each test, the result of `ceat`, or None if there are contexts for too few of its words.
    """
    vectors = contextual_vectors(scored_model, contexts)
    return {name: ceat(test, vectors, seed) for name, test in TESTS.items()}


def ceat(test: Weat, vectors: Mapping[str, Floats], seed: int = 0, draws: int = _DRAWS) -> dict[str, Any] | None:
    """Run one test.

    Args:
        test: The word sets; words without embeddings are left out.
        vectors: Embeddings of each word in its contexts, `[contexts, features]`.
        seed: Seed of the draws and permutations.
        draws: How often to draw one context per word.

    Returns:
        `effect_size`, positive for the stereotype; `p` of the permutation test; `p_random_effects`; `tau2`, the
        variance between draws in excess of the variance within them; `words` and `left_out`. None if a set has fewer
        than four words with embeddings.
    """
    known = _known(test, vectors)
    if known is None:
        return None
    targets, attributes = known
    rng = np.random.default_rng(seed)
    lean = _associations([word for side in targets for word in side], attributes, vectors, draws, rng)
    first = np.arange(lean.shape[1]) < len(targets[0])
    effects = _effect_sizes(lean, first[None])[:, 0]
    shuffled = np.stack([rng.permutation(first) for _ in range(_PERMUTATIONS)])
    chance = np.abs(_effect_sizes(lean, shuffled).mean(axis=0))
    size, tau2, p = random_effects(effects, _variances(effects, *map(len, targets)))
    words = [word for side in (*targets, *attributes) for word in side]
    return {
        "effect_size": size,
        "p": float((1 + (chance >= abs(effects.mean()) * (1 - 1e-9)).sum()) / (1 + _PERMUTATIONS)),
        "p_random_effects": p,
        "tau2": tau2,
        "words": len(words),
        "left_out": [word for word in dict.fromkeys(test.words) if word not in vectors],
    }


def _known(test: Weat, words: Container[str]) -> tuple[list[list[str]], list[list[str]]] | None:
    """Return the targets and attributes that are among the given words; None if a set has too few of them."""
    targets, attributes = (
        [[word for word in side if word in words] for side in sides] for sides in (test.targets, test.attributes)
    )
    return (targets, attributes) if min(map(len, targets + attributes)) >= _FEWEST_WORDS else None


def _associations(
    targets: Sequence[str],
    attributes: Sequence[Sequence[str]],
    vectors: Mapping[str, Floats],
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Compute the mean cosine with the first attributes minus that with the second, `[draws, targets]`.

    Each draw uses one context per word.
    """
    names = list(dict.fromkeys([*targets, *attributes[0], *attributes[1]]))
    stacked = np.concatenate([vectors[name] for name in names])
    stacked /= np.linalg.norm(stacked, axis=1, keepdims=True)
    cosines = stacked @ stacked.T
    sizes = [len(vectors[name]) for name in names]
    row = np.cumsum([0, *sizes[:-1]]) + rng.integers(sizes, size=(draws, len(names)))
    row_of = dict(zip(names, row.T, strict=True))
    target = np.stack([row_of[name] for name in targets], axis=1)
    near = [
        cosines[target[:, :, None], np.stack([row_of[name] for name in side], axis=1)[:, None]].mean(axis=2)
        for side in attributes
    ]
    return near[0] - near[1]


def _effect_sizes(lean: Floats, first: NDArray[np.bool_]) -> Floats:
    """Compute Cohen's d between the associations of two sets of targets, `[draws, splits]`.

    Args:
        lean: Associations, `[draws, targets]`.
        first: Which targets belong to the first set, `[splits, targets]`.
    """
    weights = first / first.sum(axis=1, keepdims=True) - ~first / (~first).sum(axis=1, keepdims=True)
    return lean @ weights.T / lean.std(axis=1, ddof=1, keepdims=True)


def _variances(effects: Floats, first: int, second: int) -> Floats:
    """Compute the sampling variance of Cohen's d for two sets with the given numbers of words.

    Source: Hedges & Olkin 1985, *Statistical Methods for Meta-Analysis*, chapter 5.
    """
    return (first + second) / (first * second) + effects**2 / (2 * (first + second))


def random_effects(effects: Floats, variances: Floats) -> tuple[float, float, float]:
    """Combine the effects of several studies in a random-effects model.

    Source: DerSimonian & Laird 1986, *Meta-analysis in clinical trials*.

    Args:
        effects: Effect of each study, `[studies]`.
        variances: Variance within each study, `[studies]`.

    Returns:
        The mean effect, τ², and the two-sided p value for no effect.
    """
    weights = 1 / variances
    mean = (weights * effects).sum() / weights.sum()
    heterogeneity = (weights * (effects - mean) ** 2).sum() - (len(effects) - 1)
    tau2 = max(0.0, float(heterogeneity / (weights.sum() - (weights**2).sum() / weights.sum())))
    weights = 1 / (variances + tau2)
    mean = float((weights * effects).sum() / weights.sum())
    return mean, tau2, erfc(abs(mean) * sqrt(weights.sum()) / sqrt(2))
