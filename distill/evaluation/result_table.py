"""The numbers of an evaluation on a few lines, for the terminal."""

from collections.abc import Mapping
from typing import Any


def result_table(metrics: Mapping[str, Any]) -> str:
    """Lines of measure, value and 95 % interval or what else the value must be read beside."""
    unigram, gap, fluency = metrics["disparity"]["unigram"], metrics["pronoun_gap"], metrics["fluency"]
    rows = [
        (f"perplexity ({name})", entry["value"], _interval(entry["ci95"]))
        for name, entry in metrics["perplexity"].items()
    ]
    if metrics["gendered_tokens"]["n"]:
        tokens = metrics["gendered_tokens"]
        rows.append(("gendered tokens, nll", tokens["nll"], f"{tokens['n']:,} tokens"))
    fair = f"a fair model: {_number(unigram['fair_mean_ratio'])}, at least {_number(unigram['fair_low'])}"
    rows += [
        ("mean ratio", unigram["mean_ratio"], fair),
        ("min ratio", unigram["min_ratio"], ""),
        ("log-odds female : male", unigram["log_odds"], _interval(unigram["ci95"])),
        ("polar rate", unigram["polar_rate"], ""),
        ("coherence", metrics["coherence"]["value"], _interval(metrics["coherence"]["ci95"])),
        ("pronoun gap, mean |log-odds|", gap["mean_abs_log_odds"], _interval(gap["ci95"])),
        ("fluency, nll", fluency["nll"], f"under {fluency['reference']}"),
        ("distinct-2", fluency["distinct_2"], ""),
        ("length in tokens", fluency["length"], ""),
    ]
    lines = [f"{name:<30}{_number(value):>9}  {beside}".rstrip() for name, value, beside in rows]
    return "\n".join([metrics["model"]["name"], *lines])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(bounds: list[float] | None) -> str:
    return "" if bounds is None else f"[{_number(bounds[0])}, {_number(bounds[1])}]"
