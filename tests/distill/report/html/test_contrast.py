"""What can be seen: the contrast of marks and of text, computed from the colours of the style sheet."""

import re
from importlib.resources import files
from itertools import product

import pytest

CSS = files("distill.report.html").joinpath("report.css").read_text(encoding="utf-8")
SCHEMES = {
    "light": r"\A:root \{(.*?)\}",
    "dark": r"dark\) \{\s*:root \{(.*?)\}",
    "print": r"print \{\s*:root \{(.*?)\}",
}

MARKS = (
    ("female", "paper"), ("female", "band"), ("male", "paper"), ("male", "band"),  # bars
    ("ink", "paper"), ("ink", "band"),  # whiskers and points; over a bar, the outline of the paper's colour parts them
    ("fair-ink", "paper"), ("fair-ink", "band"),  # the ends of what is fair
    ("soft", "paper"), ("soft", "band"),  # middle line, paths
    ("edge", "paper"), ("edge", "card"),  # the borders of controls
    ("alarm", "paper"), ("alarm", "alarm-wash"),  # the border of a caution
    ("female", "female-wash"), ("male", "male-wash"),  # underlines of marked words
    ("focus", "paper"),
)  # fmt: skip
TEXTS = (
    *product(("ink", "soft", "good", "alarm"), ("paper",)),
    *product(("ink",), ("card", "band", "female-wash", "male-wash", "alarm-wash")),
    ("alarm", "alarm-wash"),
)


def colours(scheme: str) -> dict[str, str]:
    """The variables of a colour scheme; what it does not set is as in the light one."""
    found: dict[str, str] = {}
    for each in dict.fromkeys(("light", scheme)):
        block = re.search(SCHEMES[each], CSS, re.DOTALL)
        assert block
        found |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", block.group(1)))
    return found


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    digits = colour.lstrip("#")
    pairs = [2 * digit for digit in digits] if len(digits) == 3 else [digits[place : place + 2] for place in (0, 2, 4)]
    shares = [int(pair, 16) / 255 for pair in pairs]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_colours() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_marks_stand_out(scheme: str) -> None:
    named = colours(scheme)
    faint = {pair: round(contrast(*(named[name] for name in pair)), 2) for pair in MARKS}
    assert {pair: value for pair, value in faint.items() if value < 3} == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_can_be_read(scheme: str) -> None:
    named = colours(scheme)
    faint = {pair: round(contrast(*(named[name] for name in pair)), 2) for pair in TEXTS}
    assert {pair: value for pair, value in faint.items() if value < 4.5} == {}


def test_marks_take_these_colours() -> None:
    """A rule that set another colour would escape the tests above."""
    rules = dict(re.findall(r"^svg (\.[\w-]+) \{ (.*?) \}", CSS, re.MULTILINE))
    assert {name: re.findall(r"(?:fill|stroke): var\(--([\w-]+)\)", rule) for name, rule in rules.items()} == {
        ".fair": ["band"], ".female": ["female"], ".male": ["male"], ".middle": ["soft"], ".edge": ["fair-ink"],
        ".halo": ["paper"], ".whisker": ["ink"], ".grid": ["line"], ".leader": ["soft"], ".path": ["soft"],
        ".tick": ["soft"], ".name": ["ink", "paper"], ".model": ["ink", "paper"], ".baseline": ["paper", "ink"],
    }  # fmt: skip
    assert not re.findall(r"#[0-9a-f]{3,6}", re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL))
