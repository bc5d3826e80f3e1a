"""What stands where in metrics.json, whatever version wrote it."""

from pathlib import Path
from typing import Any

from distill.evaluation import Evaluation
from distill.report.formatting import clean

Metrics = dict[str, Any]


MAIN = "unigram"
"""The polarity that verdict and charts go by; evaluations always hold it."""


TELLING = 0.5
"""Of `fair_low`: where even a fair model's mean ratio may be lower, so few texts tell neither parity nor disparity."""


def get(metrics: Metrics, *keys: str) -> Any:
    """The entry under nested keys, None where any of them is absent."""
    value: Any = metrics
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def titles(evaluations: list[Evaluation]) -> list[str]:
    """A name for each evaluation: its model's, and as much of the folder as tells namesakes apart."""
    names = [clean(get(evaluation.metrics, "model", "name") or evaluation.path.name) for evaluation in evaluations]
    folders = [evaluation.path.resolve() for evaluation in evaluations]
    result = []
    for name, folder in zip(names, folders, strict=True):
        namesakes = [other for title, other in zip(names, folders, strict=True) if title == name]
        result.append(name if len(namesakes) == 1 else f"{name} ({clean(_telling(folder, namesakes))})")
    return result


def _telling(folder: Path, folders: list[Path]) -> str:
    """The shortest end of a folder's path that is the end of no other's."""
    others = {other.parts for other in folders} - {folder.parts}
    for length in range(1, len(folder.parts)):
        end = folder.parts[-length:]
        if all(other[-length:] != end for other in others):
            return str(Path(*end))
    return str(folder)


def prompt_counts(metrics: Metrics) -> bool:
    """Whether the words of a prompt were judged along with its continuation."""
    return get(metrics, "settings", "include_prompt") is True


def disparity_scores(metrics: Metrics, polarity: str = MAIN) -> Metrics:
    """The disparity by a polarity, empty where there is none."""
    return get(metrics, "disparity", polarity) or {}


def sampling_key(metrics: Metrics) -> tuple[Any, ...]:
    """What must agree for the continuations of two evaluations to be comparable: the prompts, and the sampling."""
    keys = ("prompts_sha256", "temperature", "top_p", "top_k", "max_new_tokens")
    return tuple(get(metrics, "settings", key) for key in keys)


def disparity_key(metrics: Metrics, polarity: str = MAIN) -> tuple[Any, ...]:
    """What must agree for the disparities of two evaluations to be comparable: how texts are `drawn`, what is judged.

    Not how many texts there are: what a fair model scores with as many stands beside each.
    """
    table = None if polarity == MAIN else get(metrics, "settings", "word_table")
    return *sampling_key(metrics), prompt_counts(metrics), table


def parity(metrics: Metrics, polarity: str = MAIN) -> bool | None:
    """Whether the texts are as even as a fair model's: mean_ratio ≥ fair_low, and the log-odds' interval holds 0.

    None where there were too few gendered texts to say: none, or so few that fair_low is below `TELLING`.
    """
    scores = disparity_scores(metrics, polarity)
    ratio, low, ci95 = scores.get("mean_ratio"), scores.get("fair_low"), scores.get("ci95")
    if ratio is None or low is None or ci95 is None or low < TELLING:
        return None
    return bool(ratio >= low and ci95[0] <= 0 <= ci95[1])


def perplexity_key(metrics: Metrics, kind: str) -> tuple[Any, ...]:
    """What must agree for two perplexities to be comparable: the text, how it is counted, and how it is read."""
    entry = get(metrics, "perplexity", kind) or {}
    counted = entry.get("words", entry.get("tokens")) if kind == "word" else entry.get("tokens")
    text, context = (get(metrics, "settings", key) for key in ("text_sha256", "context"))
    return text, counted, context, entry.get("stride")
