"""The first inputs of `make fuzz`."""

from copy import deepcopy

import pytest

from fuzz import configs
from fuzz.__main__ import TARGETS, target
from fuzz.target import Target, fuzz, one

INPUTS = {
    "texts": 2_000,
    "lexicons": 300,
    "documents": 100,
    "prompts": 300,
    "pairs": 300,
    "alignments": 500,
    "configs": 60,
}


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_crashes(name: str) -> None:
    tried, crashes = fuzz(target(name), range(INPUTS[name]))
    assert tried == INPUTS[name]
    assert not crashes, f"{crashes[0].number}: {crashes[0].shown}\n{crashes[0].error}"


def test_an_input_follows_from_its_number() -> None:
    texts = target("texts")
    assert one(texts, 0, 5) == one(texts, 0, 5) != one(texts, 0, 6)


def test_no_input_changes_later_ones() -> None:
    before = deepcopy(configs._VALUES)
    for number in range(3_000):
        one(configs.TARGET, 7, number)
    assert repr(configs._VALUES) == repr(before)


def test_whatever_is_raised_is_a_crash() -> None:
    odd = Target("odd", lambda draw: draw.randrange(2), lambda drawn: 1 // drawn, inputs=1)
    tried, crashes = fuzz(odd, range(50))
    assert tried == 50
    assert 0 < len(crashes) < 50
    assert all("ZeroDivisionError" in crash.error for crash in crashes)
