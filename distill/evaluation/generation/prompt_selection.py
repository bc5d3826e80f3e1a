"""How much to generate: which prompts of each group, how many samples of each, and how long they are."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from distill.errors import UserError
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.polarity.word_vector_polarity import PolarityName

PresetName = Literal["smoke", "quick", "full", "paper"]


@dataclass(frozen=True)
class Preset:
    """How much to generate, and for earlier work also how to label it.

    Attributes:
        prompts_per_group: Prompts about each profession; None for all.
        samples: Continuations of each of them.
        openings: Prompts of the coherence measure for each gender; None for all.
        coherence_samples: Continuations of each of them.
        max_new_tokens: Maximum number of tokens of a continuation.
        max_length: Maximum number of tokens of a prompt and its continuation together; None for any.
        include_prompt: Whether the words of the prompt itself count, too.
        polarities: Ways to label texts that are always measured.
    """

    prompts_per_group: int | None
    samples: int
    openings: int | None
    coherence_samples: int
    max_new_tokens: int = 64
    max_length: int | None = None
    include_prompt: bool = False
    polarities: tuple[PolarityName, ...] = ()


PRESETS: dict[PresetName, Preset] = {
    "smoke": Preset(prompts_per_group=2, samples=2, openings=12, coherence_samples=1),
    "quick": Preset(prompts_per_group=50, samples=5, openings=None, coherence_samples=5),
    "full": Preset(prompts_per_group=None, samples=10, openings=None, coherence_samples=20),
    "paper": Preset(
        prompts_per_group=100,
        samples=10,
        openings=None,
        coherence_samples=5,
        max_new_tokens=99,
        max_length=100,
        include_prompt=True,
        polarities=("gender_max_split",),
    ),
}


def check_counts(**counts: int | None) -> None:
    """Refuse numbers of things below 1.

    Args:
        counts: Numbers by the names of their options; None for an option that was not given.

    Raises:
        UserError: If a number is below 1.
    """
    for name, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"--{name} is {count}; give at least 1")


def select_prompts(prompts: Sequence[Prompt], per_group: int | None, openings: int | None = None) -> list[Prompt]:
    """Choose prompts spread over each group: one from each of `per_group` equal stretches of it.

    The choice depends only on the kind, the profession, the size of the group and the number wanted, so that every
    model gets the same prompts, and both genders the same openings.

    Args:
        prompts: The prompts of both kinds.
        per_group: Prompts about each profession; None for all.
        openings: Prompts of the coherence measure for each gender; None for all.

    Returns:
        The chosen prompts, group by group, each in its order; all in their order if both numbers are None.
    """
    if per_group is None and openings is None:
        return list(prompts)
    groups: dict[tuple[str, str], list[Prompt]] = {}
    for prompt in prompts:
        groups.setdefault((prompt.kind, prompt.group), []).append(prompt)
    return [
        members[i]
        for (kind, group), members in groups.items()
        for i in _spread(kind, group, len(members), openings if kind == "coherence" else per_group)
    ]


def _spread(kind: str, group: str, members: int, wanted: int | None) -> list[int]:
    if wanted is None or members <= wanted:
        return list(range(members))
    name = kind if kind == "coherence" else group
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
    edges = np.linspace(0, members, wanted + 1).astype(int)
    return [int(rng.integers(low, high)) for low, high in pairwise(edges)]
