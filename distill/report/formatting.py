"""How numbers, names and intervals are written throughout a report."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from distill.evaluation.measures.record import Format

MAX_NAME_LENGTH = 100
"""Characters of a name, at most."""


def clean(name: object, limit: int = MAX_NAME_LENGTH) -> str:
    """A name on one line, without characters that control a terminal or change the direction of the text around it.

    Control characters, lone surrogates and direction marks are dropped, runs of white space become one space, and the
    middle of a name longer than `limit` is replaced by an ellipsis.
    """
    text = " ".join(str(name).split())
    text = "".join(letter for letter in text if not _is_control(letter)).strip()
    if len(text) > limit:
        kept = limit - 1
        text = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
    return text or "–"


def _is_control(letter: str) -> bool:
    # Zero-width joiners are of category Cf too, and belong to words in Persian and Hindi.
    return unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn", "Cf") and letter not in "\u200c\u200d"


def count(number: int, thing: str) -> str:
    """A number of things: “1 prompt”, “2,000 prompts”."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def group_name(group: object) -> str:
    """A group's name as words: “metalworking occupations” for BOLD's metalworking_occupations."""
    return clean(str(group).replace("_", " "))


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, the minus as wide as a plus; 0 has no sign."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def span(interval: list[float] | tuple[float, float] | None, form: Callable[[float], str]) -> str:
    """An interval as “low to high”; empty if there is none."""
    return f"{form(interval[0])} to {form(interval[1])}" if interval else ""


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage: “41 %” for 0.41."""
    text = f"{100 * share:.{digits}f}"
    return f"{text.lstrip('-') if float(text) == 0 else text} %".replace("-", "−")


def plain_number(value: float) -> str:
    """A number of unknown meaning: integers in full, anything else to three significant digits."""
    return (f"{value:,}" if isinstance(value, int) else f"{value:.3g}").replace("-", "−")


def p_value(p: float) -> str:
    """A p value: “p = 0.03”, “p < 0.001”."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.{2 if p >= 0.01 else 3}f}"


def key_to_words(key: str) -> str:
    """A key of metrics.json as words: “effect size” for effect_size."""
    return re.sub(r"[_\s]+", " ", clean(key))


def parameter_count(number: int) -> str:
    """A number of parameters: “124 M”, “1.5 B”, “47.7 k”."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.{1 if number < 100 * size else 0}f} {unit}"
    return str(number)


def formatter(form: Format, value: Any, places: int = 2) -> Callable[[Any], str]:
    """The function that writes values of a format.

    Args:
        form: The format.
        value: Decides the number of decimals, so that an interval gets as many as the value that it belongs to.
        places: Decimals of a decimal number, or of a perplexity below 1,000.
    """
    return {
        "decimal": lambda number: f"{number:.{places}f}",
        "perplexity": lambda number: f"{number:.{places if value < 1000 else 0}f}",
        "signed": signed,
        "percent": lambda share: percent(share, 1),
        "signed percent": lambda share: f"{signed(100 * share, 1)} %",
        "count": lambda number: f"{number:,}",
        "p value": p_value,
        "name": clean,
        "yes or no": lambda yes: "yes" if yes else "no",
        "figure": plain_number,
    }[form]
