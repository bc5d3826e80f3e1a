"""The verdict on each model of a report: first what would make a reviewer stop, then the disparity, then the price."""

from dataclasses import dataclass

import numpy as np

from distill.errors import UserError
from distill.evaluation.disparity.comparison import Comparison
from distill.evaluation.statistics.bootstrap import DRAWS
from distill.evaluation.statistics.permutation import holm, least_p
from distill.report.formatting import count, p_value, percent, signed
from distill.report.metrics_access import ParityWord
from distill.report.models import ReportedModel
from distill.report.verdict.cautions import Caution, cautions
from distill.report.verdict.contrasts import ALPHA, Contrast, changed
from distill.report.verdict.key_facts import KeyFact, key_facts
from distill.report.verdict.parity_sentences import (
    parities_disagree,
    parity_sentence,
    rules_disagree,
    same_weights,
    standing,
)
from distill.report.verdict.price_sentences import other_prices, perplexity_sentence, run_by_run
from distill.report.verdict.seeds import Outcome, outcome, parity_finding

HARDLY = 0.1
"""Less disparity is called hardly less if the interval rules out that this share of it is gone."""
NO_GAIN = ("coherence", "polar_rate", "mixed", "perplexity")
"""The cautions that take away what less disparity is worth: they are ways to look fair without being so."""


@dataclass(frozen=True)
class Verdict:
    """What the report says about one model, or about one compared with another.

    Attributes:
        model: Its title.
        headline: The finding, without a full stop.
        detail: The figures behind it, and what else changed.
        parity: Whether the model shows parity; None if there are too few texts to judge.
        cautions: Sentences that a reader must not miss, each with a cause and its figures; the gravest first.
        key_facts: Five lines for a reader in a hurry, each a label and a sentence without a full stop; none where two
            models other than the baseline are compared.
    """

    model: str
    headline: str
    detail: str
    parity: ParityWord | None
    cautions: tuple[str, ...] = ()
    key_facts: tuple[KeyFact, ...] = ()

    def __str__(self) -> str:
        return f"{self.model}: {self.headline}. {' '.join([*self.cautions, self.detail])}"


def verdicts(models: list[ReportedModel], contrasts: list[Contrast]) -> list[Verdict]:
    """Judge each model: the first by itself, the others against the first.

    Args:
        models: At least one; the first is the baseline.
        contrasts: As `contrasts` makes them: of every other model with the first, then any further ones.

    Returns:
        A verdict for each model, in order, and then one for each further contrast.
    """
    first, others = models[0], len(models) - 1
    alone = standing(first) if not others else f"the baseline {standing(first)}"
    detail = " ".join(filter(None, [parity_sentence(first), parities_disagree(first)]))
    own = Verdict(first.name, alone, detail, _parity(first), key_facts=key_facts(first))
    against_first = [_verdict(contrast) for contrast in contrasts[:others]]
    return [own, *against_first, *map(_further_verdict, contrasts[others:])]


def _verdict(contrast: Contrast) -> Verdict:
    """The verdict on a model, against the baseline."""
    model, found = contrast.model, outcome(contrast)
    stops = cautions(contrast, found)
    headline = [_same(contrast), *(stop.headline for stop in stops), _disparity(contrast, found, stops)]
    detail = [_evidence(contrast, found), parity_sentence(model), parities_disagree(model)]
    return Verdict(
        model.name,
        "; ".join(filter(None, [*headline, perplexity_sentence(contrast, found)])),
        " ".join(filter(None, detail)),
        _parity(model),
        tuple(stop.sentence for stop in stops),
        key_facts(model, contrast, found),
    )


def _further_verdict(contrast: Contrast) -> Verdict:
    """The verdict on a model against another than the baseline: only what differs between the two."""
    found = outcome(contrast)
    stops = cautions(contrast, found)
    headline = [_same(contrast), *(stop.headline for stop in stops), _change(contrast, found, stops)]
    return Verdict(
        f"{contrast.model.name}, compared with {contrast.baseline.name}",
        "; ".join(filter(None, [*headline, perplexity_sentence(contrast, found)])),
        _evidence(contrast, found),
        _parity(contrast.model),
        tuple(stop.sentence for stop in stops),
    )


def _parity(model: ReportedModel) -> ParityWord | None:
    found = parity_finding(model)
    return found.verdict if found else None


def _same(contrast: Contrast) -> str:
    return f"the same weights as {contrast.baseline.name}" if same_weights(contrast) else ""


def _disparity(contrast: Contrast, found: Outcome, stops: list[Caution]) -> str:
    """What happened to the disparity, and whether the model shows parity."""
    if isinstance(found.disparity, UserError):
        return standing(contrast.model)
    parity = _parity(contrast.model)
    return "; ".join([_change(contrast, found, stops), *([f"parity {parity}"] if parity else [])])


def _change(contrast: Contrast, found: Outcome, stops: list[Caution]) -> str:
    """The change in disparity; stated only if it is significant, and praised only if nothing speaks against it."""
    change, baseline = found.disparity, contrast.baseline.name
    if isinstance(change, UserError):
        return f"cannot be compared with {baseline}"
    evidence = p_value(change.p) if change.p is not None else f"over {count(found.runs, 'run')}"
    if not change.clear:
        return f"no clear difference in disparity from {baseline}, {evidence}"
    word = "less" if change.difference < 0 else "more"
    moved = f"{_amount(found)}{word} disparity than {baseline}, {evidence}"
    no_gain = word == "less" and any(stop.kind in NO_GAIN for stop in stops)
    return f"less disparity is no gain here: {moved}" if no_gain else moved


def _amount(found: Outcome) -> str:
    """By how much the disparity changed, with a trailing space; empty if that cannot be said.

    Where texts are few, only large changes are significant, and their estimates are too large. If the interval reaches
    below half the estimate, its nearer end is stated instead.
    """
    if found.less is None:
        return ""
    less, low, high = found.less
    amount, nearer, farther = (less, low, high) if less > 0 else (-less, -high, -low)
    if farther < HARDLY and less > 0:
        return "hardly "
    if amount < 1 and nearer >= amount / 2:
        return f"{percent(amount)} "
    if amount >= 1 and less < 0 and nearer >= amount / 2:
        return f"{percent(amount)} "
    return f"at least {percent(nearer)} " if round(100 * nearer) > 0 else ""


def _evidence(contrast: Contrast, found: Outcome) -> str:
    """The figures of a comparison."""
    change = found.disparity
    if isinstance(change, UserError):
        return " ".join(filter(None, [f"Against {contrast.baseline.name} {change}.", other_prices(contrast, found)]))
    if found.less is None:
        moved = f"{signed(change.difference)} nats (95 % interval {signed(change.ci95[0])} to {signed(change.ci95[1])}"
    else:
        less, low, high = found.less
        moved = f"{_signed_percent(-less)} (95 % interval {_signed_percent(-high)} to {_signed_percent(-low)}"
    first = contrast.first.comparison
    assert isinstance(first, Comparison)
    if found.runs == 1:
        scope = f"{count(first.prompts, 'prompt')} in {count(first.groups, 'group')}"
    else:
        scope = f"over {count(found.runs, 'pair')} of runs" if contrast.paired else "over unpaired runs"
    sentences = [
        f"Disparity {moved}; {scope}).",
        _professions(contrast, first),
        _runs(contrast),
        other_prices(contrast, found),
        run_by_run(contrast),
        rules_disagree(contrast),
        "Both are the same weights: a difference is due to chance or to other settings." if _same(contrast) else "",
    ]
    return " ".join(filter(None, sentences))


def _runs(contrast: Contrast) -> str:
    """The change in disparity of each pair of runs; empty for a single pair."""
    if len(contrast.runs) == 1 or not contrast.paired:
        return ""
    changes = []
    for pair in contrast.runs:
        assert isinstance(pair.comparison, Comparison)
        change, less = pair.comparison.disparity, pair.comparison.less
        moved = f"{signed(change.difference)} nats" if less is None else _signed_percent(-less[0])
        changes.append(f"{moved} ({p_value(change.p)})")
    return f"Run by run: {', '.join(changes)}."


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
