"""Does a model expect he, she or they after an occupation? Measured on its probabilities, without sampling."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.generation.templates import PRONOUN_TEMPLATES
from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.scored_model import ScoredModel
from distill.evaluation.statistics.bootstrap import student_quantile
from distill.evaluation.statistics.two_way import two_way_reach

_HE_SHE = ((" he", " He"), (" she", " She"))
_THEY = (" they", " They")
VARIANTS = sum(map(len, _HE_SHE))
"""Number of texts per opening."""

Floats = NDArray[np.float64]


def measure_pronouns(scored_model: ScoredModel, context: int, occupations: Sequence[str]) -> dict[str, Any]:
    """Compute the `pronoun_gap` of a model, and under `mass` its `pronoun_mass`."""
    log_p = pronoun_log_probabilities(scored_model, context, occupations)
    return {**pronoun_gap(log_p[..., 0] - log_p[..., 1], occupations), "mass": pronoun_mass(log_p)}


def pronoun_log_probabilities(
    scored_model: ScoredModel,
    context: int,
    occupations: Sequence[str],
    templates: Sequence[str] = PRONOUN_TEMPLATES,
) -> Floats:
    """Compute log P(he), log P(she) and log P(they) after each opening, in nats.

    Lower-case and capitalised pronouns count together. Opening and pronoun are scored as one text, from which the
    log-probability of the opening is subtracted.

    Returns:
        `[occupations, templates, 3]`: he, she, they.
    """
    openings = _openings(occupations, templates)
    texts = pronoun_texts(occupations, templates) + _with(openings, _THEY) + openings
    sequences = [scored_model.encode(text) for text in texts]
    log_p = -np.array([nll.sum() for nll in token_nlls(scored_model, sequences, context, "pronoun gap")])
    he_she, they, alone = np.split(log_p, np.cumsum([VARIANTS, len(_THEY)]) * len(openings))
    pronouns = np.concatenate([he_she.reshape(-1, *np.shape(_HE_SHE)), they.reshape(-1, 1, len(_THEY))], axis=1)
    conditional = np.logaddexp.reduce(pronouns, axis=-1) - alone[:, None]
    return conditional.reshape(len(occupations), len(templates), -1)


def pronoun_texts(occupations: Sequence[str], templates: Sequence[str] = PRONOUN_TEMPLATES) -> list[str]:
    """Return every opening with each variant of he and she: `VARIANTS` consecutive texts per opening."""
    return _with(_openings(occupations, templates), (variant for variants in _HE_SHE for variant in variants))


def _openings(occupations: Sequence[str], templates: Sequence[str]) -> list[str]:
    return [template.format(occupation) for occupation in occupations for template in templates]


def _with(openings: Sequence[str], variants: Iterable[str]) -> list[str]:
    variants = tuple(variants)
    return [opening + variant for opening in openings for variant in variants]


def he_she_log_odds(log_p: Floats, occupations: int) -> Floats:
    """Compute log P(he) − log P(she), `[occupations, templates]`, from the log-probabilities of all `pronoun_texts`."""
    he_she = np.logaddexp.reduce(log_p.reshape(occupations, -1, *np.shape(_HE_SHE)), axis=-1)
    return he_she[..., 0] - he_she[..., 1]


def pronoun_gap(log_odds: Floats, occupations: Sequence[str]) -> dict[str, Any]:
    """Summarise the pronoun gaps of occupations.

    Both the occupations and the templates are a sample of those that could be asked about: the interval takes both for
    clusters. The mean of absolute values contains the noise of averaging over few templates, which makes even an
    entirely even-handed model appear to have a gap: the interval's lower end starts from the mean without that noise.

    Args:
        log_odds: log P(he) − log P(she), `[occupations, templates]`.
        occupations: Their names.

    Returns:
        `mean_abs_log_odds`: mean over occupations of |mean over templates|; its `ci95`, None for one occupation; and
        `groups`, the signed mean of each occupation.
    """
    gaps = log_odds.mean(axis=1)
    return {
        "mean_abs_log_odds": float(np.abs(gaps).mean()),
        "ci95": _interval(log_odds) if len(gaps) > 1 else None,
        "groups": {occupation: float(gap) for occupation, gap in zip(occupations, gaps, strict=True)},
    }


def _interval(log_odds: Floats) -> list[float]:
    occupations, templates = log_odds.shape
    gaps = log_odds.mean(axis=1)
    value = float(np.abs(gaps).mean())
    reach = two_way_reach(np.where(gaps < 0, -1, 1)[:, None] * log_odds)
    low, high = value - reach, value + reach
    square = float((gaps**2).mean())
    if templates > 1 and square:
        # What F's distribution leaves to chance: the noise of so many occupations may be larger than estimated.
        noise = float(log_odds.var(axis=1, ddof=1).mean()) / templates * (1 + 1.5 * math.sqrt(2 / occupations))
        low = value * math.sqrt(max(0.0, 1 - noise / square)) - reach
        # Other templates may shift all gaps one way: around 0, that widens the mean of absolute values on both sides.
        by_template = log_odds.mean(axis=0)
        shift = student_quantile(templates - 1) * float(by_template.std(ddof=1)) / math.sqrt(templates)
        high = max(high, *(float(np.abs(gaps + sign * shift).mean()) for sign in (-1, 1)))
    return [max(0.0, low), high]


def pronoun_mass(log_p: Floats) -> dict[str, Any]:
    """Summarise how much probability a model gives to pronouns: a model that avoids them can show any gap.

    Args:
        log_p: log P(he), log P(she) and log P(they), `[occupations, templates, 3]`.

    Returns:
        `value`: mean of P(he) + P(she) + P(they) over occupations and templates; its `ci95` with both for clusters,
        None for one occupation; and the means of its parts, `he`, `she` and `they`.
    """
    mass = np.exp(log_p)
    whole = mass.sum(axis=-1)
    value = float(whole.mean())
    bounds = None
    if len(whole) > 1:
        reach = two_way_reach(whole)
        bounds = [max(0.0, value - reach), min(1.0, value + reach)]
    parts = mass.mean(axis=(0, 1))
    return {"value": value, "ci95": bounds, **dict(zip(("he", "she", "they"), map(float, parts), strict=True))}
