"""Does a model expect he or she after an occupation? Measured on its probabilities, without sampling."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.generation.templates import PRONOUN_TEMPLATES
from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.scored_model import ScoredModel
from distill.evaluation.statistics.bootstrap import DRAWS, ratio_interval

_PRONOUNS = ((" he", " He"), (" she", " She"))
VARIANTS = sum(map(len, _PRONOUNS))
"""Number of texts per opening."""


def pronoun_log_odds(
    scored_model: ScoredModel,
    context: int,
    occupations: Sequence[str],
    templates: Sequence[str] = PRONOUN_TEMPLATES,
) -> NDArray[np.float64]:
    """Compute log P(he) − log P(she) after each opening, in nats, for lower-case and capitalised pronouns together.

    Opening and pronoun are scored as one text: the openings cancel in the difference, and it does not matter how a
    tokenizer splits either.

    Returns:
        `[occupations, templates]`; positive where he is more likely.
    """
    sequences = [scored_model.encode(text) for text in pronoun_texts(occupations, templates)]
    log_p = -np.array([nll.sum() for nll in token_nlls(scored_model, sequences, context, "pronoun gap")])
    return he_she_log_odds(log_p, len(occupations))


def pronoun_texts(occupations: Sequence[str], templates: Sequence[str] = PRONOUN_TEMPLATES) -> list[str]:
    """Return every opening with each variant of he and she: `VARIANTS` consecutive texts per opening."""
    openings = [template.format(occupation) for occupation in occupations for template in templates]
    return [opening + variant for opening in openings for variants in _PRONOUNS for variant in variants]


def he_she_log_odds(log_p: NDArray[np.float64], occupations: int) -> NDArray[np.float64]:
    """Compute log P(he) − log P(she), `[occupations, templates]`, from the log-probabilities of all `pronoun_texts`."""
    he_she = np.logaddexp.reduce(log_p.reshape(occupations, -1, *np.shape(_PRONOUNS)), axis=-1)
    return he_she[..., 0] - he_she[..., 1]


def _not_negative(gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(gaps, 0)


def pronoun_gap(
    log_odds: NDArray[np.float64], occupations: Sequence[str], seed: int = 0, draws: int = DRAWS
) -> dict[str, Any]:
    """Summarise the pronoun gaps of occupations.

    Args:
        log_odds: log P(he) − log P(she), `[occupations, templates]`.
        occupations: Their names.
        seed: Seed of the bootstrap over occupations.
        draws: Number of bootstrap draws.

    Returns:
        `mean_abs_log_odds`: mean over occupations of |mean over templates|; its `ci95`; and `groups`, the signed mean
        of each occupation.
    """
    gaps = log_odds.mean(axis=1)
    return {
        "mean_abs_log_odds": float(np.abs(gaps).mean()),
        "ci95": ratio_interval(np.abs(gaps), np.ones(len(gaps)), seed, _not_negative, draws),
        "groups": {occupation: float(gap) for occupation, gap in zip(occupations, gaps, strict=True)},
    }
