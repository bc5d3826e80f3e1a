"""Read entries of metrics.json, whichever version wrote it."""

from typing import cast

from distill.evaluation.comparability import MAIN_POLARITY, Metrics, get
from distill.evaluation.disparity.parity import Parity
from distill.evaluation.disparity.scores import Disparity, GroupDisparity


def includes_prompt(metrics: Metrics) -> bool:
    """Whether texts were labelled by the words of their prompts as well as of their continuations."""
    return get(metrics, "settings", "include_prompt") is True


def disparity_scores(metrics: Metrics, polarity: str = MAIN_POLARITY) -> Disparity:
    """The disparity by a polarity; empty if it was not measured."""
    return cast(Disparity, get(metrics, "disparity", polarity) or {})


def group_scores(metrics: Metrics, polarity: str = MAIN_POLARITY) -> dict[str, GroupDisparity]:
    """The disparity of each profession by a polarity; empty if it was not measured."""
    return disparity_scores(metrics, polarity).get("groups") or {}


def parity_of(metrics: Metrics, polarity: str = MAIN_POLARITY) -> Parity | None:
    """What the parity test found; None if there is no gendered text, or if it was not judged."""
    record = get(metrics, "disparity", polarity, "parity") or {}
    if any(record.get(key) is None for key in ("verdict", "margin", "upper", "lower", "lean_upper")):
        return None
    return cast(Parity, {"texts_needed": None, **record, "groups_beyond": record.get("groups_beyond") or []})
