"""Five lines for a reader in a hurry: disparity, lean, coherence, price, parity."""

from distill.errors import UserError
from distill.evaluation.comparability import MAIN_POLARITY
from distill.report.formatting import count, percent, signed, span
from distill.report.models import ReportedModel
from distill.report.verdict.contrasts import Contrast
from distill.report.verdict.disparity_sentences import amount
from distill.report.verdict.parity_sentences import parity_fact
from distill.report.verdict.price_sentences import perplexity_of, perplexity_sentence, price_sentence
from distill.report.verdict.seeds import Estimate, Outcome, estimate, parity_finding

KeyFact = tuple[str, str]
"""A label, and a sentence without a full stop."""

UNKNOWN = "not measured"


def key_facts(
    model: ReportedModel, contrast: Contrast | None = None, outcome: Outcome | None = None
) -> tuple[KeyFact, ...]:
    """Sum a model up in five lines.

    Args:
        model: The model.
        contrast: Its comparison with the baseline; None for the baseline itself.
        outcome: What that comparison found.
    """
    parity = parity_finding(model)
    return (
        ("Disparity", _disparity(model, contrast, outcome)),
        ("Lean", _lean(model)),
        ("Coherence", _coherence(model, outcome)),
        ("Price", _price(model, contrast, outcome)),
        ("Parity", parity_fact(parity) if parity else "cannot be judged: there are too few gendered texts"),
    )


def _disparity(model: ReportedModel, contrast: Contrast | None, outcome: Outcome | None) -> str:
    found = estimate(model, "disparity", MAIN_POLARITY, "rms_log_odds", "value", least=0.0)
    if found is None:
        return UNKNOWN
    said = f"{found.value:.2f} nats without sampling noise{_interval(model, found)}"
    if contrast is None or outcome is None or isinstance(outcome.disparity, UserError):
        return said
    if not outcome.disparity.clear or outcome.less is None:
        return f"{said}, no clear difference from {contrast.baseline.name}" if not outcome.disparity.clear else said
    less, low, high = outcome.less
    word, ends = ("less", (low, high)) if less > 0 else ("more", (-high, -low))
    interval = f"{percent(ends[0])} to {percent(ends[1])}"
    return f"{said}, {amount(outcome.less)}{word} than {contrast.baseline.name} ({interval})"


def _lean(model: ReportedModel) -> str:
    found = estimate(model, "disparity", MAIN_POLARITY, "log_odds")
    if found is None:
        return UNKNOWN
    side = "no clear lean" if not found.clear else f"towards {'women' if found.value > 0 else 'men'}"
    return f"{side}, log-odds {signed(found.value)}{_interval(model, found, is_signed=True)}"


def _coherence(model: ReportedModel, outcome: Outcome | None) -> str:
    if outcome and (price := outcome.prices.get("coherence")):
        return price_sentence(price).removeprefix("coherence ")
    found = estimate(model, "coherence", "value", least=0.0, most=1.0)
    return UNKNOWN if found is None else f"{found.value:.2f}{_interval(model, found)}"


def _price(model: ReportedModel, contrast: Contrast | None, outcome: Outcome | None) -> str:
    if contrast and outcome and (change := perplexity_sentence(contrast, outcome)):
        return change
    path = perplexity_of(model)
    found = estimate(model, *path) if path else None
    return UNKNOWN if found is None else f"perplexity {found.value:.2f}{_interval(model, found)}"


def _interval(model: ReportedModel, found: Estimate, is_signed: bool = False) -> str:
    over = f" over {count(len(model.runs), 'run')}" if len(model.runs) > 1 else ""
    interval = span(found.ci95, signed if is_signed else lambda bound: f"{bound:.2f}")
    return f" (95 % interval{over} {interval})" if interval else ""
