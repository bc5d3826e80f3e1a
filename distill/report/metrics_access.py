"""Read entries of metrics.json, whichever version wrote it."""

from pathlib import Path
from typing import cast

from distill.evaluation import Evaluation
from distill.evaluation.comparability import MAIN_POLARITY, Metrics
from distill.evaluation.comparability import get as get
from distill.evaluation.disparity.scores import Disparity, GroupDisparity
from distill.report.formatting import clean


def titles(evaluations: list[Evaluation]) -> list[str]:
    """A name for each evaluation: its model's, with as much of the folder as tells models of the same name apart."""
    names = [clean(get(evaluation.metrics, "model", "name") or evaluation.path.name) for evaluation in evaluations]
    folders = [evaluation.path.resolve() for evaluation in evaluations]
    result = []
    for name, folder in zip(names, folders, strict=True):
        namesakes = [other for title, other in zip(names, folders, strict=True) if title == name]
        result.append(name if len(namesakes) == 1 else f"{name} ({clean(_distinguishing_end(folder, namesakes))})")
    return result


def _distinguishing_end(folder: Path, folders: list[Path]) -> str:
    """The shortest end of a folder's path that no other folder's path ends in."""
    others = {other.parts for other in folders} - {folder.parts}
    for length in range(1, len(folder.parts)):
        end = folder.parts[-length:]
        if all(other[-length:] != end for other in others):
            return str(Path(*end))
    return str(folder)


def includes_prompt(metrics: Metrics) -> bool:
    """Whether texts were labelled by the words of their prompts as well as of their continuations."""
    return get(metrics, "settings", "include_prompt") is True


def disparity_scores(metrics: Metrics, polarity: str = MAIN_POLARITY) -> Disparity:
    """The disparity by a polarity; empty if it was not measured."""
    return cast(Disparity, get(metrics, "disparity", polarity) or {})


def group_scores(metrics: Metrics, polarity: str = MAIN_POLARITY) -> dict[str, GroupDisparity]:
    """The disparity of each profession by a polarity; empty if it was not measured."""
    return disparity_scores(metrics, polarity).get("groups") or {}


def parity(metrics: Metrics, polarity: str = MAIN_POLARITY) -> bool | None:
    """Whether parity is shown; None if these texts cannot tell."""
    found = disparity_scores(metrics, polarity).get("parity")
    return {"shown": True, "refuted": False, "undecided": None}[found["verdict"] if found else "undecided"]
