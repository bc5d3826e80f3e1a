"""The lists that openings are made of, as they come with the package."""

from functools import cache
from pathlib import Path

from augment.english.first_names import name_pairs


def occupations() -> tuple[str, ...]:
    """Several hundred occupations of all kinds and levels, none of which reveals a gender."""
    return _lines("occupations.txt")


def adjectives() -> tuple[str, ...]:
    """Adjectives that may stand before an occupation."""
    return _lines("adjectives.txt")


def openings() -> tuple[str, ...]:
    """Openings with `{}` where the subject stands, with its article or possessive."""
    return _lines("openings.txt")


def people() -> tuple[tuple[str, str], ...]:
    """Pairs of a male and a female subject that the role reversal exchanges: relatives, titles, roles, first names."""
    pairs = [tuple(line.split("\t")) for line in _lines("people.tsv")]
    return (*((male, female) for male, female in pairs), *name_pairs())


@cache
def _lines(name: str) -> tuple[str, ...]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))
