"""Simulate how often the interval of the pronoun gap contains the truth; run by coverage.py.

In each world, log-odds of he against she are a sum of normal effects: of the occupation, of the template, and of both
together. Occupations and templates are drawn anew each time; the truth is the mean over all occupations of the absolute
value of the mean over all templates.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from distill.evaluation.probes.pronoun_gap import pronoun_gap

TEMPLATES = 6


@dataclass(frozen=True)
class World:
    """Log-odds of a model.

    Attributes:
        occupations: Number of occupations.
        mean: Their mean.
        of_occupations: Standard deviation over occupations.
        of_templates: Standard deviation over templates, which shifts all occupations.
        rest: Standard deviation of what remains for an occupation in a template.
    """

    occupations: int
    mean: float
    of_occupations: float
    of_templates: float
    rest: float

    def truth(self) -> float:
        """Return the mean of the absolute value of a normal variable."""
        if not self.of_occupations:
            return abs(self.mean)
        ratio = self.mean / self.of_occupations
        density = math.sqrt(2 / math.pi) * math.exp(-(ratio**2) / 2)
        return self.of_occupations * density + self.mean * (1 - 2 * NormalDist().cdf(-ratio))

    @property
    def name(self) -> str:
        """Its key in the results."""
        effects = f"occupations {self.of_occupations:g}, templates {self.of_templates:g}, rest {self.rest:g}"
        return f"{self.occupations} occupations, mean {self.mean:g}, deviations: {effects}"


def run(world: World, seed: int) -> dict[str, float]:
    """Simulate an evaluation: does its interval contain the truth?"""
    rng = np.random.default_rng(seed)
    log_odds = (
        world.mean
        + world.of_occupations * rng.standard_normal((world.occupations, 1))
        + world.of_templates * rng.standard_normal((1, TEMPLATES))
        + world.rest * rng.standard_normal((world.occupations, TEMPLATES))
    )
    low, high = pronoun_gap(log_odds, [str(row) for row in range(world.occupations)])["ci95"]
    return {"covered": float(low <= world.truth() <= high)}


_WORLDS = [
    World(occupations, mean, spread, templates, rest)
    for occupations in (18, 31, 48)
    for mean, spread in ((0, 0), (0, 0.1), (0.1, 0.1), (0, 0.3), (0.3, 0.3), (0, 0.6), (0.6, 0.6), (1, 0.2))
    for templates, rest in ((0.1, 0.1), (0.3, 0.5), (0.1, 0.5), (0.4, 0.2))
]
WORLDS = {world.name: world for world in _WORLDS}
