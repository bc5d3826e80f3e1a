"""Words and figures as several parts of a report write them."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from distill.evaluation.measures.record import Format

LONGEST_NAME = 100
"""Characters of a name, at most."""


def clean(name: object, limit: int = LONGEST_NAME) -> str:
    """A name on one line, without what could steer a terminal or turn the direction of the text around it.

    Control characters, lone surrogates and direction marks are dropped, white space becomes one space, and the middle
    of a longer name is left out.
    """
    text = " ".join(str(name).split())
    text = "".join(letter for letter in text if not _steers(letter)).strip()
    if len(text) > limit:
        kept = limit - 1
        text = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    return text or "–"


def _steers(letter: str) -> bool:
    # Joiners are of class Cf too, and belong to words in Persian and Hindi.
    return unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn", "Cf") and letter not in "\u200c\u200d"


def count(number: int, thing: str) -> str:
    """“1 prompt”, “2,000 prompts”."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def spoken(group: object) -> str:
    """A group's name as words: BOLD writes metalworking_occupations."""
    return clean(str(group).replace("_", " "))


def signed(value: float, digits: int = 2) -> str:
    """With its sign, and a minus that is as wide as a plus; 0 has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def span(interval: list[float] | tuple[float, float] | None, form: Callable[[float], str]) -> str:
    """An interval as “low to high”, empty where there is none."""
    return f"{form(interval[0])} to {form(interval[1])}" if interval else ""


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}f} %".replace("-", "−")


def figure(value: float) -> str:
    """A figure of which nothing is known but that it is one: a count whole, anything else to three digits."""
    return (f"{value:,}" if isinstance(value, int) else f"{value:.3g}").replace("-", "−")


def p_value(p: float) -> str:
    """“p = 0.03”, “p < 0.001”."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.{2 if p >= 0.01 else 3}f}"


def key_to_words(key: str) -> str:
    """A key of metrics.json as words: “effect size” for effect_size."""
    return re.sub(r"[_\s]+", " ", clean(key))


def parameter_count(number: int) -> str:
    """“124 M”, “1.5 B”, “47.7 k”."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.{1 if number < 100 * size else 0}f} {unit}"
    return str(number)


def formatter(form: Format, value: Any) -> Callable[[Any], str]:
    """What writes values of a format, with as many decimals as suit `value`: those beside it get as many."""
    return {
        "decimal": lambda number: f"{number:.2f}",
        "perplexity": lambda number: f"{number:.{2 if value < 1000 else 0}f}",
        "signed": signed,
        "percent": lambda share: percent(share, 1),
        "signed percent": lambda share: f"{signed(100 * share, 1)} %",
        "count": lambda number: f"{number:,}",
        "p value": p_value,
        "name": clean,
        "yes or no": lambda yes: "yes" if yes else "no",
        "figure": figure,
    }[form]
