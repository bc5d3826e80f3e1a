"""The scores of all targets as a table for the terminal."""

from collections.abc import Callable, Mapping
from typing import Any

_NAMED = "Occupations that `distill evaluate` asks for by default"
_HEADER = ("", "operator", "vocabulary", "contexts", "strength", "perplexity", "to factual",
           "gendered NLL", "to factual", "pronoun gap")  # fmt: skip


def preview_table(scores: Mapping[str, Any]) -> str:
    """A line per target, the recipe's own marked, below a summary of the text.

    Args:
        scores: The content of preview.json.
    """
    settings, positions, named = scores["settings"], scores["positions"], scores["evaluated_occupations_named"]
    prefixes = ", ".join(f"{share:.1%} {kind}" for kind, share in positions["prefixes"].items())
    rows = [_HEADER, *(_row(target) for target in scores["targets"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        [
            f"Targets of {scores['teacher']['path']} on {', '.join(settings['text'])}",
            f"{positions['scored']:,} positions in {positions['blocks']:,} blocks of {settings['block_size']} tokens, "
            f"{positions['gendered']:,} of them gendered; {positions['after_ambiguous']:,} right after an ambiguous "
            "pronoun left out",
            f"Prefixes: {prefixes}; rows with a counterfactual pass: {positions['rows_asked_twice']:.1%}",
            *([] if named is None else [f"{_NAMED}: named {named:,} times in data.train"]),
            "",
            *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
            "",
            "→ the recipe's own setting. In brackets: 95 % intervals of the difference from the factual target. With "
            "the identity vocabulary, contexts `all` and `reversed` give the same target. *(gendered)*: only the "
            "probabilities of gendered words move.",
        ]
    )


def perplexity_change(target: Mapping[str, Any]) -> str:
    """The change of perplexity from the factual target, in percent, with its 95 % interval; empty for that target."""
    scores = target["perplexity"]
    return _change(target, scores["ratio"], scores["ci95"], lambda ratio: f"{100 * (ratio - 1):+.2f}", " %")


def gendered_change(target: Mapping[str, Any]) -> str:
    """The change of the mean NLL of gendered tokens, in nats, with its 95 % interval; empty if the text has none."""
    scores = target["gendered_tokens"]
    return _change(target, scores["difference"], scores["ci95"], lambda difference: f"{difference:+.3f}", "")


def _change(
    target: Mapping[str, Any], value: float | None, ci95: list[float] | None, show: Callable[[float], str], unit: str
) -> str:
    if value is None or target["operator"] == "none":
        return ""
    interval = "" if ci95 is None else f" [{show(ci95[0])}, {show(ci95[1])}]"
    return f"{show(value)}{unit}{interval}".replace("-", "−")


def _strength(target: Mapping[str, Any]) -> str:
    if target["operator"] == "none":
        return ""
    only = " (gendered)" if target["tokens"] == "gendered" else ""
    return f"{target['strength']:g}{only}"


def _row(target: Mapping[str, Any]) -> tuple[str, ...]:
    gendered = target["gendered_tokens"]["nll"]
    factual = target["operator"] == "none"
    return (
        "→" if target["configured"] else "",
        target["operator"],
        "" if factual else target["vocabulary"],
        "" if factual else target["contexts"],
        _strength(target),
        f"{target['perplexity']['value']:.3f}",
        perplexity_change(target),
        "–" if gendered is None else f"{gendered:.3f}",
        gendered_change(target),
        f"{target['pronoun_gap']['mean_abs_log_odds']:.3f}",
    )
