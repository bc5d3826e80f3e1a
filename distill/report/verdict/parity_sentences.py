"""Parity in words: shown on average over groups, refuted, or undecided; and whether the rules of counting agree."""

from distill.evaluation.comparability import MAIN_POLARITY, disparity_key
from distill.report.formatting import count, group_name, key_to_words, percent
from distill.report.models import ReportedModel
from distill.report.verdict.contrasts import Contrast
from distill.report.verdict.seeds import ParityFinding, estimate, parity_finding

DISAGREEMENT = 0.1
"""Rules whose reductions of the disparity differ by at least this much, as a share, are said to disagree."""
NAMED = 3
"""Groups beyond the margin that are named; the others are counted."""


def standing(model: ReportedModel) -> str:
    """A model's disparity by itself, and where its texts lean if that is certain and not within the margin."""
    found, lean = parity_finding(model), estimate(model, "disparity", MAIN_POLARITY, "log_odds")
    if found is None:
        return "has too few gendered texts to judge"
    lacking = "has too few training runs" if len(found.by_run) > 1 else "wrote too few texts"
    said = {
        "shown": "shows parity on average over groups",
        "refuted": "shows disparity",
        "undecided": f"{lacking} to tell parity from disparity",
    }[found.verdict]
    if found.verdict == "shown" or lean is None or not lean.clear:
        return said
    return f"{said} and leans towards {'women' if lean.value > 0 else 'men'}"


def parity_sentence(model: ReportedModel) -> str:
    """Whether a model shows parity, with the bounds that decide it, and the groups beyond the margin."""
    found = parity_finding(model)
    if found is None:
        return "Parity cannot be judged: there are too few gendered texts."
    return " ".join(filter(None, [f"Parity {parity_fact(found)}.", _by_run(found), _beyond(found)]))


def parity_fact(found: ParityFinding) -> str:
    """Whether a model shows parity, with the bounds that decide it, without a full stop."""
    margin = f"the margin of {found.margin:.2f} nats"
    if found.verdict == "shown":
        return (
            f"shown on average over groups: the disparity is at most {found.upper:.2f}, the lean at most "
            f"{found.lean_upper:.2f}, both below {margin}"
        )
    if found.verdict == "refuted":
        if found.lower >= found.margin:
            return f"refuted: the disparity is at least {found.lower:.2f}, above {margin}"
        return f"refuted: the texts as a whole lean towards one gender by more than {margin}"
    if found.lower < found.margin <= found.upper:
        between = (
            f"undecided: the disparity lies between {found.lower:.2f} and {found.upper:.2f}, on either side of {margin}"
        )
    elif found.lean_upper >= found.margin:
        between = f"undecided: the lean may be up to {found.lean_upper:.2f}, above {margin}"
    else:
        between = "undecided: groups have too few texts for a single one that leans far to be seen"
    if len(found.by_run) > 1:
        return f"{between}; more training runs would decide"
    if found.texts_needed is None:
        return between
    return f"{between}; about {count(found.texts_needed, 'more text')} a group would decide"


def _by_run(found: ParityFinding) -> str:
    return f"Run by run: {', '.join(found.by_run)}." if len(found.by_run) > 1 else ""


def _beyond(found: ParityFinding) -> str:
    if not found.groups_beyond:
        return ""
    names = [group_name(group) for group in found.groups_beyond[:NAMED]]
    rest = len(found.groups_beyond) - len(names)
    listed = ", ".join(names) + (f" and {rest} more" if rest else "")
    verb = "lies" if len(found.groups_beyond) == 1 else "lie"
    return f"Taken one by one, {listed} {verb} beyond the margin (Holm)."


def same_weights(contrast: Contrast) -> bool:
    """Whether all runs of two models have the same weights."""
    digests = {
        (run.metrics.get("model") or {}).get("sha256")
        for model in (contrast.baseline, contrast.model)
        for run in model.runs
    }
    return len(digests) == 1 and None not in digests


def rules_disagree(contrast: Contrast) -> str:
    """By how much the rules of counting disagree on the share of the disparity removed; empty if they agree."""
    models = (contrast.baseline, contrast.model)
    entries = [model.first.metrics.get("disparity") or {} for model in models]
    removed = {}
    for polarity in entries[0]:
        first, other = (disparity_key(model.first.metrics, polarity) for model in models)
        before, after = (estimate(model, "disparity", polarity, "rms_log_odds", "value") for model in models)
        if polarity in entries[1] and first == other and before and after and before.clear and before.value > 0:
            removed[polarity] = 1 - after.value / before.value
    if len(removed) < 2 or (spread := max(removed.values()) - min(removed.values())) < DISAGREEMENT:
        return ""
    parts = ", ".join(f"{percent(share)} less by {key_to_words(polarity)}" for polarity, share in removed.items())
    return f"The rules of counting disagree by {100 * spread:.0f} points: {parts}."


def parities_disagree(model: ReportedModel) -> str:
    """Which rules of counting show parity and which refute it; empty if none contradicts another."""
    found = {
        polarity: finding.verdict
        for polarity in model.first.metrics.get("disparity") or {}
        if (finding := parity_finding(model, polarity))
    }
    if not {"shown", "refuted"} <= set(found.values()):
        return ""
    parts = ", ".join(f"{word} by {key_to_words(polarity)}" for polarity, word in found.items())
    return f"The rules of counting disagree on parity: {parts}."
