"""Openings as rows of a training text: the beginnings of sentences, up to where a gender is about to be decided.

The target after such a prefix is what a student has to learn, so that nothing needs to follow. People whose gender is
known stand in the same openings: from occupations alone, a student learns “he = she” everywhere, also after “my aunt”.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from distill.openings import lists
from distill.runtime.random_choice import pick

T = TypeVar("T")
Kind = Literal["occupation", "person"]

ADJECTIVE_SHARE = 0.3
"""Share of the openings about occupations with an adjective: “The experienced glazier”."""


@dataclass(frozen=True)
class Row:
    """One opening.

    Attributes:
        text: The opening, and what follows it, if anything does.
        subject: The occupation, or the person as the opening names it.
        kind: Whether the subject is an occupation, or a person whose gender is known.
        writer: The model that has continued the opening, even if it ended the text there; None: no model was asked.
    """

    text: str
    subject: str
    kind: Kind
    writer: str | None = None


def opening_rows(count: int, gendered_share: float, seed: int) -> list[Row]:
    """Draw openings in random order, none twice before every one of its kind has been drawn.

    Args:
        count: Number of rows.
        gendered_share: Share of the rows about people whose gender is known, half of them women.
        seed: The same seed gives the same rows.
    """
    rng = random.Random(seed)
    of_people = round(count * gendered_share)
    rows = [*_about_people(rng, of_people), *_about_occupations(rng, count - of_people)]
    return _shuffled(rng, rows)


def _about_occupations(rng: random.Random, count: int) -> list[Row]:
    occupations, openings, adjectives = lists.occupations(), lists.openings(), lists.adjectives()
    rows = []
    for place in _places(rng, len(occupations) * len(openings), count):
        occupation = occupations[place // len(openings)]
        adjective = f"{pick(rng, adjectives)} " if rng.random() < ADJECTIVE_SHARE else ""
        text = fill(openings[place % len(openings)], f"the {adjective}{occupation}")
        rows.append(Row(text, occupation, "occupation"))
    return rows


def _about_people(rng: random.Random, count: int) -> list[Row]:
    people, openings = lists.people(), lists.openings()
    rows = []
    for number, place in enumerate(_places(rng, len(people) * len(openings), count)):
        person = people[place // len(openings)][number % 2]
        rows.append(Row(fill(openings[place % len(openings)], person), person, "person"))
    return rows


def fill(opening: str, subject: str) -> str:
    """Put a subject into an opening, with a capital at the start of a sentence."""
    text = opening.replace("{}", subject)
    return text[0].upper() + text[1:]


# By `Random.random` alone, as `pick`.
def _shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    return [item for _, item in sorted(((rng.random(), item) for item in items), key=lambda pair: pair[0])]


def _places(rng: random.Random, size: int, count: int) -> list[int]:
    """`count` numbers below `size`: one random order of all of them after the other."""
    places: list[int] = []
    while len(places) < count:
        places += _shuffled(rng, range(size))
    return places[:count]
