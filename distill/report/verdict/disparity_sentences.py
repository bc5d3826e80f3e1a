"""How the disparity changed, in words: stated where it is certain, and praised where nothing speaks against it."""

from collections.abc import Iterator

import numpy as np

from distill.errors import UserError
from distill.evaluation.disparity.comparison import Comparison
from distill.evaluation.statistics.bootstrap import DRAWS
from distill.evaluation.statistics.permutation import holm, least_p
from distill.report.formatting import count, p_value, percent, signed
from distill.report.verdict.cautions import Caution
from distill.report.verdict.contrasts import ALPHA, Contrast, changed
from distill.report.verdict.seeds import Outcome

HARDLY = 0.1
"""Less disparity is called hardly less if the interval rules out that this share of it is gone."""
NO_GAIN = ("coherence", "polar_rate", "mixed", "perplexity")
"""The cautions that take away what less disparity is worth: they are ways to look fair without being so."""


def disparity_change(contrast: Contrast, found: Outcome, stops: list[Caution]) -> str:
    """The change in disparity for a headline; less is called no gain where the model is broken or silent."""
    change, baseline = found.disparity, contrast.baseline.name
    if isinstance(change, UserError):
        return f"cannot be compared with {baseline}"
    evidence = p_value(change.p) if change.p is not None else f"over {count(found.runs, 'run')}"
    if not change.clear:
        return f"no clear difference in disparity from {baseline}, {evidence}"
    word = "less" if change.difference < 0 else "more"
    moved = f"{amount(found.less)}{word} disparity than {baseline}, {evidence}"
    no_gain = word == "less" and any(stop.kind in NO_GAIN for stop in stops)
    return f"less disparity is no gain here: {moved}" if no_gain else moved


def amount(less: tuple[float, float, float] | None) -> str:
    """By how much the disparity changed, with a trailing space; empty if that cannot be said.

    Where texts are few, only large changes are significant, and their estimates are too large. If the interval reaches
    below half the estimate, or the estimate is that nothing is left, the nearer end of the interval is stated instead.

    Args:
        less: The share that is removed, with its 95 % interval; negative if it grew.
    """
    if less is None:
        return ""
    value, low, high = less
    size, nearer = (value, low) if value > 0 else (-value, -high)
    if value > 0 and high < HARDLY:
        return "hardly "
    if nearer >= size / 2 and value < 1:
        return f"{percent(size)} "
    return f"at least {percent(nearer)} " if round(100 * nearer) > 0 else ""


def disparity_figures(contrast: Contrast, found: Outcome) -> str:
    """The figures behind a change in disparity: its interval, the groups, and each run."""
    return " ".join(_figures(contrast, found))


def _figures(contrast: Contrast, found: Outcome) -> Iterator[str]:
    change, first = found.disparity, contrast.first.comparison
    if isinstance(change, UserError) or isinstance(first, UserError):
        return
    if found.less is None:
        moved = f"{signed(change.difference)} nats (95 % interval {signed(change.ci95[0])} to {signed(change.ci95[1])}"
    else:
        less, low, high = found.less
        moved = f"{_signed_percent(-less)} (95 % interval {_signed_percent(-high)} to {_signed_percent(-low)}"
    scope = f"{count(first.prompts, 'prompt')} in {count(first.groups, 'group')}"
    if found.runs > 1:
        scope = f"over {count(found.runs, 'pair')} of runs" if contrast.paired else "over unpaired runs"
    yield f"Disparity {moved}; {scope})."
    yield _professions(contrast, first)
    if found.runs > 1 and contrast.paired:
        yield f"Run by run: {', '.join(_runs(contrast))}."


def _runs(contrast: Contrast) -> Iterator[str]:
    """The change in disparity of each pair of runs."""
    for pair in contrast.runs:
        if not isinstance(pair.comparison, UserError):
            change, less = pair.comparison.disparity, pair.comparison.less
            moved = f"{signed(change.difference)} nats" if less is None else _signed_percent(-less[0])
            yield f"{moved} ({p_value(change.p)})"


def _professions(contrast: Contrast, comparison: Comparison) -> str:
    clear = len(changed(contrast))
    if comparison.groups / (1 + DRAWS) >= ALPHA:
        return f"{comparison.groups} groups are too many to test one by one."
    least = holm(np.array([least_p(change.clusters) for change in comparison.by_group.values()]))
    if least.min() >= ALPHA:
        few = "samples" if comparison.prompts == comparison.groups else "prompts"
        return f"Too few {few} per group to test the groups one by one."
    whose = " of the first runs" if len(contrast.runs) > 1 else ""
    return f"Taken one by one, {clear} of {count(comparison.groups, 'group')}{whose} differ (Holm)."


def _signed_percent(share: float) -> str:
    return f"{signed(100 * share, 0)} %"
