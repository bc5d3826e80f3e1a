"""Read entries of metrics.json, whichever version wrote it."""

from typing import Literal, TypedDict, cast

from distill.evaluation.comparability import MAIN_POLARITY, Metrics
from distill.evaluation.comparability import get as get
from distill.evaluation.disparity.scores import Disparity, GroupDisparity

ParityWord = Literal["shown", "refuted", "undecided"]


class ParityRecord(TypedDict):
    """The entry `parity` of a disparity.

    Attributes:
        verdict: Whether parity is shown on average over groups.
        margin: Disparity and lean below which it is, in nats.
        upper: One-sided 95 % upper bound of the disparity.
        lower: One-sided 95 % lower bound of the disparity.
        lean_upper: One-sided 95 % upper bound of the absolute lean.
        texts_needed: How many more texts a group would decide, if it is undecided.
        groups_beyond: The groups whose corrected interval lies beyond the margin.
    """

    verdict: ParityWord
    margin: float
    upper: float
    lower: float
    lean_upper: float
    texts_needed: int | None
    groups_beyond: list[str]


def includes_prompt(metrics: Metrics) -> bool:
    """Whether texts were labelled by the words of their prompts as well as of their continuations."""
    return get(metrics, "settings", "include_prompt") is True


def disparity_scores(metrics: Metrics, polarity: str = MAIN_POLARITY) -> Disparity:
    """The disparity by a polarity; empty if it was not measured."""
    return cast(Disparity, get(metrics, "disparity", polarity) or {})


def group_scores(metrics: Metrics, polarity: str = MAIN_POLARITY) -> dict[str, GroupDisparity]:
    """The disparity of each profession by a polarity; empty if it was not measured."""
    return disparity_scores(metrics, polarity).get("groups") or {}


def parity_of(metrics: Metrics, polarity: str = MAIN_POLARITY) -> ParityRecord | None:
    """What the parity test found; None if there is no gendered text, or if it was not judged."""
    record = get(metrics, "disparity", polarity, "parity") or {}
    if any(record.get(key) is None for key in ("verdict", "margin", "upper", "lower", "lean_upper")):
        return None
    return cast(ParityRecord, {"texts_needed": None, **record, "groups_beyond": record.get("groups_beyond") or []})


def parity(metrics: Metrics, polarity: str = MAIN_POLARITY) -> bool | None:
    """Whether parity is shown; None if these texts cannot tell."""
    record = parity_of(metrics, polarity)
    return {"shown": True, "refuted": False, "undecided": None}[record["verdict"]] if record else None
