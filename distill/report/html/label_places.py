"""Where the names in a scatter chart go: beside their points, and over no marker, no other name and no edge."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, hypot
from typing import Literal, NamedTuple

Anchor = Literal["start", "middle", "end"]

MARKER = 8
"""Half the width of a marker with its outline, in pixels."""
ASCENT, DESCENT = 11, 4
"""How far letters reach above and below their line, in pixels."""
LINE = 16
"""Height of a line, in pixels."""


class Box(NamedTuple):
    """A rectangle in pixels, from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@dataclass(frozen=True)
class Mark:
    """A marker in the chart, with its whiskers; positions are shares of the chart's width and height from upper left.

    Attributes:
        x: Position across.
        y: Position down.
        across: Ends of the horizontal whisker; None if it has none.
        down: Ends of the vertical whisker, from top to bottom.
    """

    x: float
    y: float
    across: tuple[float, float] | None = None
    down: tuple[float, float] | None = None


@dataclass(frozen=True)
class Place:
    """Where a name goes, relative to its point.

    Attributes:
        dx: Pixels to the right, to where the text is anchored.
        dy: Pixels down, to the line that the letters stand on.
        anchor: Which part of the text stands there.
    """

    dx: float
    dy: float
    anchor: Anchor

    @property
    def far(self) -> bool:
        """Whether the name is so far from its point that a line has to lead to it."""
        return not -2 * LINE < self.dy < 2.5 * LINE

    def box(self, x: float, y: float, width: float) -> Box:
        """What a text of this width covers if its point is at (x, y), in pixels."""
        left = x + self.dx - {"start": 0, "middle": width / 2, "end": width}[self.anchor]
        return Box(left, y + self.dy - ASCENT, left + width, y + self.dy + DESCENT)


def text_width(text: str, letter: float = 8.2) -> float:
    """About the width of a bold text in pixels, too wide rather than too narrow."""
    return letter * len(text) + 4


def label_places(
    names: Sequence[tuple[str, Mark]], marks: Sequence[Mark], sizes: Sequence[tuple[float, float]], letter: float = 8.2
) -> list[Place]:
    """Choose a place for each name, so that the chart can be read at every size.

    Args:
        names: Each name, and the point that it belongs to.
        marks: Everything that is drawn.
        sizes: Widths and heights in pixels that the chart may have; a place has to be free at all of them.
        letter: Width of a letter in pixels.

    Returns:
        The place of each name: the nearest free one, if there is any. A marker is worse to cover than another name,
        that is worse than to stand nearer to another point, and that is worse than to cover a whisker.
    """
    obstacles = [
        (
            [_marker(mark, size) for mark in marks],
            [box for mark in marks for box in _whiskers(mark, size)],
            Box(-MARKER, -MARKER, size[0] + MARKER, size[1] + MARKER),
        )
        for size in sizes
    ]
    taken: list[list[Box]] = [[] for _ in sizes]
    places = []
    for name, mark in names:
        width = text_width(name, letter)

        def cost(place: Place, mark: Mark = mark, width: float = width) -> float:
            total = 0.0
            for (markers, whiskers, frame), names_there, size in zip(obstacles, taken, sizes, strict=True):
                box = place.box(mark.x * size[0], mark.y * size[1], width)
                total += 1000 * sum(map(box.meets, markers)) + 300 * sum(map(box.meets, names_there))
                total += 12 * sum(map(box.meets, whiskers)) + _outside(box, frame)
                # A name nearer to another point would be taken for that one's.
                total += 60 * (min(_distance(box, other, size) for other in marks) < _distance(box, mark, size) - 1)
            return total + abs(place.dy + ASCENT / 2 - DESCENT / 2) / 2

        best = min(_candidates(max(height for _, height in sizes)), key=cost)
        places.append(best)
        for names_there, size in zip(taken, sizes, strict=True):
            names_there.append(best.box(mark.x * size[0], mark.y * size[1], width))
    return places


def _candidates(height: float) -> Iterator[Place]:
    """Places around a point, the nearest and best to read first."""
    yield from (Place(0, -13, "middle"), Place(0, 23, "middle"), Place(12, 4, "start"), Place(-12, 4, "end"))
    lines = ceil(height / LINE)
    steps = [sign * step for step in range(lines) for sign in (-1, 1)]
    for step, (dx, anchor) in product(steps, ((10, "start"), (-10, "end"), (0, "middle"))):
        yield Place(dx, (-9 if step <= 0 else 3) + step * LINE, anchor)  # type: ignore[arg-type]


def _outside(box: Box, frame: Box) -> float:
    """The cost of a box that sticks out of the frame: to the sides it may be cut off, above and below is some room."""
    across, down = (
        max(0.0, first) + max(0.0, second)
        for first, second in (
            (frame.left - box.left, box.right - frame.right),
            (frame.top - box.top, box.bottom - frame.bottom),
        )
    )
    return 200 * (across > 0) + 8 * (across + down)


def _distance(box: Box, mark: Mark, size: tuple[float, float]) -> float:
    """From a point to the nearest part of a box, in pixels."""
    x, y = mark.x * size[0], mark.y * size[1]
    return hypot(max(box.left - x, 0, x - box.right), max(box.top - y, 0, y - box.bottom))


def _marker(mark: Mark, size: tuple[float, float]) -> Box:
    x, y = mark.x * size[0], mark.y * size[1]
    return Box(x - MARKER, y - MARKER, x + MARKER, y + MARKER)


def _whiskers(mark: Mark, size: tuple[float, float]) -> Iterator[Box]:
    x, y = mark.x * size[0], mark.y * size[1]
    if mark.across:
        yield Box(mark.across[0] * size[0], y - 1, mark.across[1] * size[0], y + 1)
    if mark.down:
        yield Box(x - 1, mark.down[0] * size[1], x + 1, mark.down[1] * size[1])
