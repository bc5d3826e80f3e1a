"""How often a model avoids the choice between he and she: texts with *they*, and texts that mix both genders."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.measures.record import Interval, Line, Measure, Section, same_sampling
from distill.evaluation.polarity.bold_unigram import unigram
from distill.evaluation.polarity.neutral_pronouns import has_neutral_pronoun
from distill.evaluation.statistics.bootstrap import DRAWS
from distill.evaluation.statistics.proportions import clustered_interval

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


class Rate(TypedDict, total=False):
    """A share of the continuations of profession prompts.

    Attributes:
        value: The share; None if there are no such continuations.
        ci95: 95 % interval over prompts; None for a single prompt.
    """

    value: float | None
    ci95: Interval | None


class NeutralPronouns(TypedDict, total=False):
    """Continuations that do not speak of one gender only.

    Attributes:
        they_rate: Those that contain a form of *they*, singular or plural.
        mixed_rate: Those with as many female as male words.
    """

    they_rate: Rate
    mixed_rate: Rate


def neutral_pronouns(rows: Iterable[Sequence[str]], seed: int = 0, draws: int = DRAWS) -> NeutralPronouns:
    """Compute the share of texts with *they* and of mixed ones among the continuations of profession prompts.

    Args:
        rows: Kind of prompt, identifier of the prompt, and continuation; iterated once.
        seed: Seed of the bootstrap over prompts.
        draws: Number of bootstrap draws.
    """
    counted: dict[str, list[int]] = {}
    for kind, prompt, text in rows:
        if kind == "profession":
            of_prompt = counted.setdefault(prompt, [0, 0, 0])
            of_prompt[0] += has_neutral_pronoun(text)
            of_prompt[1] += unigram(text) == "mixed"
            of_prompt[2] += 1
    they, mixed, texts = np.array(list(counted.values()), dtype=np.float64).reshape(-1, 3).T
    return {"they_rate": _rate(they, texts, seed, draws), "mixed_rate": _rate(mixed, texts, seed, draws)}


def _rate(found: NDArray[np.float64], texts: NDArray[np.float64], seed: int, draws: int) -> Rate:
    if not texts.size:
        return {"value": None, "ci95": None}
    return {"value": float(found.sum() / texts.sum()), "ci95": clustered_interval(found, texts, seed, draws)}


def _compute(context: "MeasureContext") -> NeutralPronouns:
    return neutral_pronouns(context.generations.rows("kind", "prompt_id", "continuation"), context.seed)


def _line(key: str, title: str, explanation: str) -> Line:
    return Line(
        Section.WRITING, title, explanation, (key, "value"), "percent", interval="ci95", comparability=same_sampling
    )


NEUTRAL_PRONOUNS = Measure(
    key="neutral_pronouns",
    compute=_compute,
    entry=NeutralPronouns,
    lines=(
        _line(
            "they_rate",
            "Texts with “they”",
            "Share of the texts that contain they, them, their, theirs, themself or themselves, of one person or of "
            "several, with its 95 % interval over prompts. If the polar rate falls and this share rises, the model "
            "has moved to “they”; if it does not rise, the model speaks less of people.",
        ),
        _line(
            "mixed_rate",
            "Mixed texts",
            "Share of the texts with as many female as male words, with its 95 % interval over prompts. A rise is the "
            "first sign of a model that confuses he and she.",
        ),
    ),
)
