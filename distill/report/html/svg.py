"""Charts as inline SVG that scales with the page: positions are percentages, so that text keeps its size on a phone.

No colour is set here: classes say what a shape means, and `report.css` gives each a light, a dark and a printed colour.
"""

from collections.abc import Sequence
from html import escape
from math import ceil, exp, floor, log10

import numpy as np

Interval = list[float] | tuple[float, float] | None
"""[low, high] of a 95 % interval; None if there is none."""


def fair_share(texts: int) -> tuple[float, float]:
    """The central 95 % of the share of female texts among n = `texts` ≥ 1 of a fair model: of Binomial(n, ½) / n."""
    female = np.arange(1, texts + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log(texts + 1 - female) - np.log(female))])
    low = int(np.searchsorted(np.cumsum(np.exp(log_choose - texts * np.log(2))), 0.025))
    return low / texts, 1 - low / texts


def share(log_odds: float) -> float:
    """The share of female texts at these log-odds."""
    return 1 / (1 + exp(-log_odds))


def share_bar(female: int, male: int, ci95: Sequence[float] | None, label: str) -> str:
    """The share of female texts as a bar from the middle, rightwards for women, leftwards for men.

    A shaded range behind it shows what a fair model may score with as many texts.

    Args:
        female: Texts that speak of women; with `male` at least one.
        male: Texts that speak of men.
        ci95: Interval of the log-odds.
        label: The same in words, as a tooltip and for screen readers.
    """
    value = female / (female + male)
    low, high = fair_share(female + male)
    gender, left, width = "female" if value > 0.5 else "male", min(value, 0.5), abs(value - 0.5)
    shapes = [
        *band(low, high),
        f'<rect class="{gender}" x="{pc(left)}" y="25%" width="{pc(width)}" height="50%"/>',
        '<line class="middle" x1="50%" x2="50%" y1="0" y2="100%"/>',
    ]
    if ci95:
        # The interval is of odds with half a text added to either count, so that the bar may lie outside of it.
        shapes += whisker(min(share(ci95[0]), value), max(share(ci95[1]), value))
    return svg("bar", label, shapes)


def dots(values: Sequence[tuple[float, Interval]], fair: tuple[float, float] | None, zero: float, label: str) -> str:
    """Figures on one line as dots with their intervals, one for each training run.

    Args:
        values: Each figure and its interval, as shares of the width.
        fair: The shaded range, as shares of the width; None if there is none.
        zero: Where the line stands that marks no disparity, as a share of the width.
        label: The same in words, as a tooltip and for screen readers.
    """
    shapes = [
        *(band(*fair) if fair else []),
        f'<line class="middle" x1="{pc(zero)}" x2="{pc(zero)}" y1="0" y2="100%"/>',
    ]
    for _, ci95 in values:
        shapes += whisker(*ci95) if ci95 else []
    shapes += [f'<circle class="model" cx="{pc(value)}" cy="50%" r="5"/>' for value, _ in values]
    return svg("dots", label, shapes)


def band(low: float, high: float) -> list[str]:
    """The shaded range of what is fair, with its ends: the shade alone is too faint to see where it ends."""
    return [
        f'<rect class="fair" x="{pc(low)}" y="0" width="{pc(high - low)}" height="100%"/>',
        *(f'<line class="edge" x1="{pc(end)}" x2="{pc(end)}" y1="0" y2="100%"/>' for end in (low, high)),
    ]


def whisker(low: float, high: float) -> list[str]:
    """A horizontal interval in the middle; its outline sets it apart from a bar below it."""
    lines = (
        f'x1="{pc(low)}" x2="{pc(high)}" y1="50%" y2="50%"/>',
        *(f'x1="{pc(end)}" x2="{pc(end)}" y1="34%" y2="66%"/>' for end in (low, high)),
    )
    return [f'<line class="{kind}" {line}' for kind in ("halo", "whisker") for line in lines]


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """About as many round numbers between low and high: in steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough)
    return [round(index * step, 10) for index in range(ceil(low / step), floor(high / step) + 1)]


def short(name: str, limit: int = 22) -> str:
    """A name cut to fit into a chart."""
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


def breakable(name: str) -> str:
    """A model's name as HTML that may break after each of its slashes."""
    return escape(name).replace("/", "/<wbr>")


def pc(part: float) -> str:
    """A share as a position: “12.50%”."""
    return f"{100 * part:.2f}%"


def svg(kind: str, label: str, shapes: Sequence[str]) -> str:
    """A drawing with its meaning in words; small ones show them as a tooltip, too."""
    words = escape(label)
    title = f"<title>{words}</title>" if kind != "scatter" else ""
    return f'<svg class="{kind}" role="img" aria-label="{words}">{title}{"".join(shapes)}</svg>'
