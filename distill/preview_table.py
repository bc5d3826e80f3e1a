"""The scores of all targets on a few lines, for the terminal."""

from collections.abc import Mapping
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


def _row(target: Mapping[str, Any]) -> tuple[str, ...]:
    perplexity, gendered, gap = target["perplexity"], target["gendered_tokens"], target["pronoun_gap"]
    factual = target["operator"] == "none"
    return (
        "→" if target["configured"] else "",
        "none (factual)" if factual else target["operator"],
        "" if factual else target["vocabulary"],
        "" if factual else target["contexts"],
        f"{perplexity['value']:.3f}",
        "" if factual else _percent(perplexity["ratio"]) + _bounds(perplexity["ci95"], _percent),
        "–" if gendered["nll"] is None else f"{gendered['nll']:.3f}",
        ""
        if factual or gendered["nll"] is None
        else _signed(gendered["difference"]) + _bounds(gendered["ci95"], _signed),
        f"{gap['mean_abs_log_odds']:.3f}",
    )


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.2f} %".replace("-", "−")


def _signed(difference: float) -> str:
    return f"{difference:+.3f}".replace("-", "−")


def _bounds(bounds: list[float] | None, show: Any) -> str:
    return "" if bounds is None else f" [{show(bounds[0])}, {show(bounds[1])}]"
