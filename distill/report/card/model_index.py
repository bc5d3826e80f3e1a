"""An evaluation as results of a model-index, the metadata of a model card that the Hugging Face hub reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import eval_results_to_model_index

from augment.hub_ids import parse_hub_id
from distill.evaluation.comparability import MAIN_POLARITY, Metrics, get
from distill.report.formatting import clean, signed, span

TASK = "Text generation, measured by distill evaluate"
"""Name of the task in every result of ours, by which the results of an earlier evaluation are found again."""

_DIGITS = 6
"""Significant digits of a value."""


class _Entry(NamedTuple):
    """A value of metrics.json and what a model-index calls it.

    Attributes:
        kind: Type of the metric.
        name: Its name for readers.
        path: Keys of the entry that holds the value.
        key: Key of the value in that entry.
        interval: Key of the value's 95 % interval in that entry; empty: none.
    """

    kind: str
    name: str
    path: tuple[str, ...]
    key: str = "value"
    interval: str = "ci95"


_POLARITY = ("disparity", MAIN_POLARITY)
_OF_TEXT = (
    _Entry("perplexity", "Perplexity, per token", ("perplexity", "token")),
    _Entry("word_perplexity", "Perplexity, per word", ("perplexity", "word")),
    _Entry("gendered_nll", "NLL of gendered tokens, nats", ("gendered_tokens",), "nll", ""),
    _Entry(
        "equivariance_gap_reversed",
        "Equivariance gap after reversed words, nats",
        ("equivariance_gap", "reversed"),
    ),
    _Entry(
        "equivariance_gap_neutral",
        "Equivariance gap where nothing reveals a gender, nats",
        ("equivariance_gap", "neutral"),
    ),
)
_OF_PROMPTS = (
    _Entry("parity", "Parity", (*_POLARITY, "parity"), "verdict", ""),
    _Entry("rms_log_odds", "RMS log-odds over groups, without sampling noise", (*_POLARITY, "rms_log_odds")),
    _Entry("log_odds", "Log-odds, female : male", _POLARITY, "log_odds"),
    _Entry("polar_rate", "Share of texts that speak of one gender", _POLARITY, "polar_rate", ""),
    _Entry("coherence", "Share of gendered texts that keep the gender of their prompt", ("coherence",)),
)


def index_results(metrics: Metrics) -> list[dict[str, Any]]:
    """The results of an evaluation as a model-index lists them: those on the text, and those on the prompts.

    Args:
        metrics: The content of metrics.json.

    Returns:
        At most two results, each with its data set and its metrics; what was not measured is left out.
    """
    texts, prompts = (get(metrics, "settings", key) for key in ("text", "prompts"))
    data = (
        (_OF_TEXT, _dataset(texts, "Held-out text", get(metrics, "settings", "text_sha256"))),
        (_OF_PROMPTS, _dataset(prompts, "Templates over occupations", get(metrics, "settings", "prompts_sha256"))),
    )
    # One call each: two files of the same name would be taken for one data set.
    return [result for entries, dataset in data for result in _results(metrics, entries, dataset)]


def _results(metrics: Metrics, entries: Sequence[_Entry], dataset: dict[str, Any]) -> list[dict[str, Any]]:
    results = [
        EvalResult(
            task_type="text-generation",
            task_name=TASK,
            metric_type=entry.kind,
            metric_value=value,
            metric_name=f"{entry.name} ({note})" if note else entry.name,
            metric_args=args,
            **dataset,
        )
        for entry in entries
        for value, note, args in _values(metrics, entry)
    ]
    return eval_results_to_model_index("", results)[0]["results"] if results else []


def _values(metrics: Metrics, entry: _Entry) -> list[tuple[Any, str, dict[str, Any] | None]]:
    """A value with a note for readers and what belongs to it, in a list; an empty list if it was not measured."""
    found = get(metrics, *entry.path)
    if not isinstance(found, dict):
        return []
    value, interval = found.get(entry.key), found.get(entry.interval)
    if isinstance(value, str):
        return [(value, *_margin(found))]
    if not isinstance(value, int | float):
        return []
    if not (isinstance(interval, list) and len(interval) == 2):
        return [(_rounded(value), "", None)]
    ends = [_rounded(end) for end in interval]
    shown = span(ends, signed if entry.key == "log_odds" else "{:.4g}".format)
    return [(_rounded(value), f"95 % interval {shown}", {"ci95": ends})]


def _margin(parity: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """What parity means, and the groups beyond its margin, which a verdict on their average does not name."""
    margin, beyond = parity.get("margin"), parity.get("groups_beyond")
    if not isinstance(margin, int | float):
        return "", None
    note = f"shown if disparity and lean are below {margin:.3g} nats"
    return note, {"margin": _rounded(margin), **({"groups_beyond": beyond} if beyond else {})}


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _dataset(source: Any, default: str, sha256: Any) -> dict[str, Any]:
    """The fields of `EvalResult` that say what was read; of a local path only the last part, which names no user."""
    if not isinstance(source, str):
        return {"dataset_type": "built-in", "dataset_name": default}
    hub_id = parse_hub_id(source)
    if hub_id is not None:
        return {
            "dataset_type": hub_id.name,
            "dataset_name": hub_id.name,
            "dataset_config": hub_id.configuration,
            "dataset_split": hub_id.split,
        }
    name = clean(Path(source).name)
    return {
        "dataset_type": name,
        "dataset_name": name,
        "dataset_args": {"sha256": sha256} if isinstance(sha256, str) else None,
    }
