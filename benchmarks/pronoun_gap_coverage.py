"""Simulate how often the interval of the pronoun gap contains the truth.

    python benchmarks/pronoun_gap_coverage.py [--worlds 2000]

In each world, log-odds of he against she are a sum of normal effects: of the occupation, of the template, and of both
together. Occupations and templates are drawn anew each time; the truth is the mean over all occupations of the absolute
value of the mean over all templates. Writes benchmarks/results/pronoun_gap_coverage.json.
"""

import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from distill.evaluation.probes.pronoun_gap import pronoun_gap

RESULTS = Path(__file__).with_name("results") / "pronoun_gap_coverage.json"
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

    def holds(self, rng: np.random.Generator, names: list[str]) -> tuple[bool, float]:
        """Simulate an evaluation: does its interval contain the truth, and how wide is it?"""
        log_odds = (
            self.mean
            + self.of_occupations * rng.standard_normal((self.occupations, 1))
            + self.of_templates * rng.standard_normal((1, TEMPLATES))
            + self.rest * rng.standard_normal((self.occupations, TEMPLATES))
        )
        low, high = pronoun_gap(log_odds, names)["ci95"]
        return low <= self.truth() <= high, high - low


WORLDS = [
    World(occupations, mean, spread, templates, rest)
    for occupations in (18, 31, 48)
    for mean, spread in ((0, 0), (0, 0.1), (0.1, 0.1), (0, 0.3), (0.3, 0.3), (0, 0.6), (0.6, 0.6), (1, 0.2))
    for templates, rest in ((0.1, 0.1), (0.3, 0.5), (0.1, 0.5), (0.4, 0.2))
]


def main() -> None:
    """Print the coverage of each world and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=2000)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = []
    for world in WORLDS:
        names = [str(row) for row in range(world.occupations)]
        held, widths = zip(*(world.holds(rng, names) for _ in range(options.worlds)), strict=True)
        row = asdict(world) | {
            "truth": round(world.truth(), 3),
            "coverage": round(float(np.mean(held)), 4),
            "width": round(float(np.mean(widths)), 3),
        }
        rows.append(row)
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    coverages = [row["coverage"] for row in rows]
    print(f"{min(coverages):.3f} to {max(coverages):.3f}, mean {np.mean(coverages):.3f}")
    RESULTS.write_text(json.dumps({"worlds": options.worlds, "cells": rows}) + "\n")


if __name__ == "__main__":
    main()
