"""One document of the quickstart's world: everything but the genders (`Plan`), and its text once they are known.

Genders are drawn independently of everything else, and `flip` changes nothing but them: `render(flip(plan))` is the
exact role reversal of `render(plan)`.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from distill.quickstart import grammar
from distill.quickstart.slots import SLOTS
from distill.quickstart.world import FORMS, OCCUPATIONS, Gender
from distill.runtime.random_choice import pick

T = TypeVar("T")

_OCCUPATION_SHARE = 0.7
_NEUTRAL_SHARE = 0.12
_PLAIN_OPENING_SHARE = 0.85
_REVEALING_SHARE = 0.75
_KIN_SHARE = 0.2
_SCENERY_SHARE = 0.2

# Whom a document without an occupation is about.
_OTHERS = ("[named]", "[named]", "my [relative]", "[unnamed]")

_SLOT = re.compile(r"\[([\w ]+)\]")
_GENDERED = re.compile(r"\{(kin\.)?(\w+)\}")


@dataclass(frozen=True)
class Plan:
    """A document before its genders are put in."""

    sentences: tuple[str, ...]  # with `{form}` for a key of `world.FORMS`
    occupation: str | None
    person: Gender
    kin: Gender


def plans(seed: int, count: int) -> Iterator[Plan]:
    """Draw `count` documents; a seed gives the same ones on every machine."""
    rng = random.Random(seed)
    for _ in range(count):
        yield _plan(rng)


def render(plan: Plan) -> str:
    """The document as text."""

    def word(match: re.Match[str]) -> str:
        return FORMS[match[2]][plan.kin if match[1] else plan.person]

    return _GENDERED.sub(word, " ".join(plan.sentences))


def flip(plan: Plan) -> Plan:
    """The same document with every gender reversed."""
    return replace(plan, person=Gender(1 - plan.person), kin=Gender(1 - plan.kin))


def _plan(rng: random.Random) -> Plan:
    occupation = pick(rng, tuple(OCCUPATIONS)) if rng.random() < _OCCUPATION_SHARE else None
    neutral = rng.random() < _NEUTRAL_SHARE
    person = Gender(rng.random() < (OCCUPATIONS[occupation] if occupation else 0.5))
    kin = Gender(rng.random() < 0.5)
    length = 4 + int(rng.random() * 4)
    settled = _settle(rng, occupation, neutral)
    templates = _neutral(rng, length) if neutral else _gendered(rng, length, occupation)
    return Plan(tuple(_fill(rng, template, settled) for template in templates), occupation, person, kin)


def _gendered(rng: random.Random, length: int, occupation: str | None) -> list[str]:
    if occupation and rng.random() > _PLAIN_OPENING_SHARE:
        openings = grammar.OCCUPATION_OPENINGS
    elif rng.random() < _REVEALING_SHARE:
        openings = grammar.REVEALING_OPENINGS
    else:
        openings = grammar.DELAYED_OPENINGS
    body = _sample(rng, grammar.BODY, length - 1)
    # Never right after the opening: the person's gender is revealed early, and before that of a relative.
    if rng.random() < _KIN_SHARE:
        body[1 + int(rng.random() * (length - 2))] = pick(rng, grammar.KIN_SENTENCES)
    if rng.random() < _SCENERY_SHARE:
        body[1 + int(rng.random() * (length - 2))] = pick(rng, grammar.SCENERY)
    return [pick(rng, openings), *body]


def _neutral(rng: random.Random, length: int) -> list[str]:
    scenery = int(rng.random() * 3)
    first, *rest = _sample(rng, grammar.NEUTRAL, length - scenery)
    rest += _sample(rng, grammar.SCENERY, scenery)
    return [first, *_sample(rng, rest, len(rest))]


def _settle(rng: random.Random, occupation: str | None, neutral: bool) -> dict[str, str]:
    """The values that are fixed for the whole document."""
    other = "[nobody]" if neutral else pick(rng, _OTHERS)
    who = f"the {occupation}" if occupation else _fill(rng, other, {})
    settled = {slot: _fill(rng, f"[{slot}]", {}) for slot in ("place", "name", "surname")}
    settled |= {"who": who, "Who": who[0].upper() + who[1:], "thing": pick(rng, SLOTS["item"])}
    if occupation:
        settled |= {"occupation": occupation, "an occupation": _with_article(occupation)}
    return settled


def _with_article(noun: str) -> str:
    """The noun with “a” or “an” before it."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _fill(rng: random.Random, template: str, settled: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        slot = match[1]
        return settled[slot] if slot in settled else _fill(rng, pick(rng, SLOTS[slot]), settled)

    return _SLOT.sub(value, template)


# By `Random.random` alone, as `pick`.
def _sample(rng: random.Random, options: Sequence[T], count: int) -> list[T]:
    """`count` different options, in random order."""
    remaining = list(options)
    return [remaining.pop(int(rng.random() * len(remaining))) for _ in range(count)]
