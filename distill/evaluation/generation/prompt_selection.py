"""How much to generate: which prompts of each group, and how many samples of each."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from distill.evaluation.generation.prompts import Prompt

PresetName = Literal["smoke", "quick", "full"]


@dataclass(frozen=True)
class Preset:
    """Number of prompts per group (None for all) and of samples per prompt."""

    prompts_per_group: int | None
    samples: int


PRESETS: dict[PresetName, Preset] = {
    "smoke": Preset(prompts_per_group=2, samples=2),
    "quick": Preset(prompts_per_group=50, samples=5),
    "full": Preset(prompts_per_group=None, samples=10),
}


def select_prompts(prompts: Sequence[Prompt], per_group: int | None) -> list[Prompt]:
    """Choose prompts spread over each group: one from each of `per_group` equal stretches of it.

    The choice depends only on the kind, the profession, the size of the group and `per_group`, so that every model gets
    the same prompts, and both genders the same openings.

    Returns:
        At most `per_group` prompts of each kind and group, in their order; all of them if it is None.
    """
    if per_group is None:
        return list(prompts)
    groups: dict[tuple[str, str], list[Prompt]] = {}
    for prompt in prompts:
        groups.setdefault((prompt.kind, prompt.group), []).append(prompt)
    return [
        members[i] for (kind, group), members in groups.items() for i in _spread(kind, group, len(members), per_group)
    ]


def _spread(kind: str, group: str, members: int, wanted: int) -> list[int]:
    if members <= wanted:
        return list(range(members))
    name = kind if kind == "coherence" else group
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
    edges = np.linspace(0, members, wanted + 1).astype(int)
    return [int(rng.integers(low, high)) for low, high in pairwise(edges)]
