"""Paired prices."""

from dataclasses import dataclass
from typing import Literal

from distill.evaluation.results import Evaluation


@dataclass(frozen=True)
class Price:
    """The price of one measure."""

    measure: str
    baseline: float
    value: float
    change: float
    ci95: tuple[float, float] | None
    margin: float | None
    verdict: Literal["not worse", "worse", "undecided"] | None
    clusters: int


def paired_prices(baseline: Evaluation, other: Evaluation) -> dict[str, Price]:
    """Compute the prices."""
    return {}
