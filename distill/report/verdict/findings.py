"""The verdict on each model of a report: first what would make a reviewer stop, then the disparity, then the price."""

from dataclasses import dataclass

from distill.errors import UserError
from distill.evaluation.disparity.parity import ParityVerdict
from distill.report.models import ReportedModel
from distill.report.verdict.cautions import Caution, cautions
from distill.report.verdict.contrasts import Contrast
from distill.report.verdict.disparity_sentences import disparity_change, disparity_figures
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
    parity: ParityVerdict | None
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
    detail = [_evidence(contrast, found, stops), parity_sentence(model), parities_disagree(model)]
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
    headline = [_same(contrast), *(stop.headline for stop in stops), disparity_change(contrast, found, stops)]
    return Verdict(
        f"{contrast.model.name}, compared with {contrast.baseline.name}",
        "; ".join(filter(None, [*headline, perplexity_sentence(contrast, found)])),
        _evidence(contrast, found, stops),
        _parity(contrast.model),
        tuple(stop.sentence for stop in stops),
    )


def _parity(model: ReportedModel) -> ParityVerdict | None:
    found = parity_finding(model)
    return found.verdict if found else None


def _same(contrast: Contrast) -> str:
    return f"the same weights as {contrast.baseline.name}" if same_weights(contrast) else ""


def _disparity(contrast: Contrast, found: Outcome, stops: list[Caution]) -> str:
    """What happened to the disparity, and whether the model shows parity."""
    if isinstance(found.disparity, UserError):
        return standing(contrast.model)
    parity = _parity(contrast.model)
    return "; ".join([disparity_change(contrast, found, stops), *([f"parity {parity}"] if parity else [])])


def _evidence(contrast: Contrast, found: Outcome, stops: list[Caution]) -> str:
    """The figures of a comparison, without those that a caution gives."""
    prices = other_prices(contrast, found, [stop.kind for stop in stops])
    if isinstance(found.disparity, UserError):
        problem = f"Against {contrast.baseline.name} {found.disparity}."
        return " ".join(filter(None, [problem, prices]))
    sentences = [
        disparity_figures(contrast, found),
        prices,
        run_by_run(contrast),
        rules_disagree(contrast),
        "Both are the same weights: a difference is due to chance or to other settings." if _same(contrast) else "",
    ]
    return " ".join(filter(None, sentences))
