"""The scores of all targets on a few lines, for the terminal."""

from collections.abc import Callable, Mapping
from typing import Any

_HEADER = ("", "operator", "vocabulary", "contexts", "perplexity", "to factual",
           "gendered NLL", "to factual", "pronoun gap")  # fmt: skip


def preview_table(scores: Mapping[str, Any]) -> str:
    """A line a target, the recipe's own marked, under what was scored."""
    settings, positions = scores["settings"], scores["positions"]
    prefixes = ", ".join(f"{share:.1%} {kind}" for kind, share in positions["prefixes"].items())
    rows = [_HEADER, *(_row(target) for target in scores["targets"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        [
            f"Targets of {scores['teacher']['path']} on {', '.join(settings['text'])}",
            f"{positions['scored']:,} positions in {positions['blocks']:,} blocks of {settings['block_size']} tokens, "
            f"{positions['gendered']:,} of them gendered; {positions['after_ambiguous']:,} right after an ambiguous "
            "pronoun left out",
            f"Prefixes: {prefixes}; rows that are asked twice: {positions['rows_asked_twice']:.1%}",
            "",
            *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
            "",
            "→ the recipe's own setting. In brackets: 95 % intervals of the difference to the factual target. Over the "
            "identity vocabulary, all contexts are as reversed ones.",
        ]
    )


def perplexity_change(target: Mapping[str, Any]) -> str:
    """A target's perplexity against the factual one's, in percent, with its 95 % interval; empty for itself."""
    scores = target["perplexity"]
    return _change(target, scores["ratio"], scores["ci95"], lambda ratio: f"{100 * (ratio - 1):+.2f}", " %")


def gendered_change(target: Mapping[str, Any]) -> str:
    """The same of its mean NLL of gendered tokens, a difference in nats; empty where the text has none."""
    scores = target["gendered_tokens"]
    return _change(target, scores["difference"], scores["ci95"], lambda difference: f"{difference:+.3f}", "")


def _change(
    target: Mapping[str, Any], value: float | None, ci95: list[float] | None, show: Callable[[float], str], unit: str
) -> str:
    if value is None or target["operator"] == "none":
        return ""
    interval = "" if ci95 is None else f" [{show(ci95[0])}, {show(ci95[1])}]"
    return f"{show(value)}{unit}{interval}".replace("-", "−")


def _row(target: Mapping[str, Any]) -> tuple[str, ...]:
    gendered = target["gendered_tokens"]["nll"]
    idle = target["operator"] == "none"
    return (
        "→" if target["configured"] else "",
        target["operator"],
        "" if idle else target["vocabulary"],
        "" if idle else target["contexts"],
        f"{target['perplexity']['value']:.3f}",
        perplexity_change(target),
        "–" if gendered is None else f"{gendered:.3f}",
        gendered_change(target),
        f"{target['pronoun_gap']['mean_abs_log_odds']:.3f}",
    )
