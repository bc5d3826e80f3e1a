"""Which models of a report are compared with which, and their comparisons run by run."""

from dataclasses import dataclass

import pandas as pd

from distill.errors import UserError
from distill.evaluation.disparity.comparison import Comparison, GroupChange, compare
from distill.evaluation.paired.prices import Price, paired_prices
from distill.report.models import ReportedModel

ALPHA = 0.05
"""Significance level."""


@dataclass(frozen=True)
class RunContrast:
    """One run of a model compared with one run of another.

    Attributes:
        comparison: Of their disparities; the error if the two cannot be compared.
        prices: What the run costs against the other, by measure: what both have and what is comparable.
    """

    comparison: Comparison | UserError
    prices: dict[str, Price]


@dataclass(frozen=True)
class Contrast:
    """One model compared with another.

    Attributes:
        baseline: The model to compare with.
        model: The model that is compared.
        runs: The comparisons of their runs, in pairs as `run_pairs` makes them.
    """

    baseline: ReportedModel
    model: ReportedModel
    runs: tuple[RunContrast, ...]

    @property
    def first(self) -> RunContrast:
        """The comparison of their first runs."""
        return self.runs[0]

    @property
    def paired(self) -> bool:
        """Whether the differences of the pairs may be averaged: the runs are paired, or one model has a single run."""
        return len(self.baseline.runs) in (1, len(self.model.runs)) or len(self.model.runs) == 1


def run_pairs(baseline: int, model: int) -> list[tuple[int, int]]:
    """Pair the runs of two models: by place, or each with the only one of the other.

    If they have unequal numbers of runs, those of the model with fewer are taken again from the first on, so that every
    run is in some pair; the pairs then mean nothing, and only the runs of each model are summarised.
    """
    return [(place % baseline, place % model) for place in range(max(baseline, model))]


def contrasts(models: list[ReportedModel], frames: list[list[pd.DataFrame]]) -> list[Contrast]:
    """Compare every model with the first, and every model after the second with the second as well.

    Where the first is a teacher and the second its plainly distilled student, the further contrasts tell what a method
    adds to plain distillation.

    Args:
        models: The baseline first.
        frames: The labelled continuations of each run of each model, as `label_generations` returns them.

    Returns:
        The contrasts with the first model, in order, and then those with the second.
    """
    pairs = [(baseline, model) for baseline in (0, 1) for model in range(baseline + 1, len(models))]
    return [
        Contrast(
            models[baseline],
            models[model],
            tuple(
                RunContrast(
                    _compare(frames[baseline][one], frames[model][other]),
                    paired_prices(models[baseline].runs[one], models[model].runs[other]),
                )
                for one, other in run_pairs(len(frames[baseline]), len(frames[model]))
            ),
        )
        for baseline, model in pairs
    ]


def _compare(baseline: pd.DataFrame, other: pd.DataFrame) -> Comparison | UserError:
    try:
        return compare(baseline, other)
    except UserError as error:
        # Models given different prompts can still be shown side by side, without a test.
        return error


def changed(contrast: Contrast) -> dict[str, GroupChange]:
    """The groups in which the first runs of two models differ significantly, corrected for the number of groups."""
    comparison = contrast.first.comparison
    if isinstance(comparison, UserError):
        return {}
    return {group: change for group, change in comparison.by_group.items() if change.p_holm < ALPHA}
