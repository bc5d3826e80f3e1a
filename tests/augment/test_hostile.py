"""Pathologically long texts, which would take forever if anything were not linear, or raise if anything recursed."""

import pytest

from augment import RoleReverser

PLAIN, NAMING = RoleReverser(), RoleReverser(names=True)

ENDLESS = [
    "<", "<!", "'", "’", "_", "__", "“‘", "(", "/", "//", "=", "|", "-", ".", " ", "\n", " \n", "\t", "\u00a0",
    "\u0301", "\u200d", "\u200b", "a", "A", "1", "😀", "\ud800", "\x00", "http://", "@", "<a href=", "&lt;",
]  # fmt: skip
REPEATED = [
    "she ", "her ", "his ", "her, ", "her\n", "she", "SHE ", "Mr. ", "Mr.", "King ", "Mary ", "Grace ", "Mark King ",
    "he../", "/her", "lib/his.py/", "1her/", "_her_ ", "_her", "__her", "her'", "‘her’ ", "'ladies' ", "<b she",
    "<she> ", "his/", "her/ ", "(s)he ", "s/he ", "his or ", "her and ", "let her ", "a friend of his ", "king size ",
    "king-", "my lady ", "ladies' ", "women's ", "her very ", "saw her last night ", "she\u0301 ", "“she ", "@she ",
    "she@she.she ",
]  # fmt: skip
WORDS = ("her", "his", "She", "Miss", "lady", "ladies'", "Mary", "Mr. King", "her very", "her first", "let her")


@pytest.mark.parametrize("unit", REPEATED)
def test_a_unit_over_and_over(unit: str) -> None:
    for reverser in (PLAIN, NAMING):
        text = unit * (8_000 // len(unit))
        assert reverser.reverse(text).invert() == text


@pytest.mark.parametrize("unit", ENDLESS)
def test_words_between_something_without_end(unit: str) -> None:
    endless = unit * (100_000 // len(unit))
    text = endless + endless.join(WORDS) + endless + "."
    for reverser in (PLAIN, NAMING):
        assert reverser.reverse(text).invert() == text


def test_alternatives_without_end() -> None:
    text = "his or her and " * 2_000 + "keys"
    assert PLAIN.reverse(text).invert() == text
    assert PLAIN.reverse("his or her or his keys").counterfactual == "her or his or her keys"
