from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.report.html.label_places import MARKER, Box, Mark, Place, label_places, text_width

SIZES = [(270.0, 260.0), (470.0, 260.0)]
SHARES = st.floats(0.02, 0.98)


def boxes(names: list[tuple[str, Mark]], places: list[Place], size: tuple[float, float]) -> list[Box]:
    return [
        place.box(mark.x * size[0], mark.y * size[1], text_width(name))
        for (name, mark), place in zip(names, places, strict=True)
    ]


def markers(marks: list[Mark], size: tuple[float, float]) -> list[Box]:
    centres = [(mark.x * size[0], mark.y * size[1]) for mark in marks]
    return [Box(x - MARKER, y - MARKER, x + MARKER, y + MARKER) for x, y in centres]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text("abcdefgh", min_size=1, max_size=16), SHARES, SHARES), min_size=1, max_size=5))
def test_no_name_covers_a_marker_or_another_name_or_is_cut_off(points: list[tuple[str, float, float]]) -> None:
    names = [(name, Mark(x, y)) for name, x, y in points]
    marks = [mark for _, mark in names]
    places = label_places(names, marks, SIZES)
    for size in SIZES:
        written = boxes(names, places, size)
        assert not [1 for one, other in combinations(written, 2) if one.meets(other)]
        assert not [1 for box in written for marker in markers(marks, size) if box.meets(marker)]
        assert all(box.left >= -MARKER and box.right <= size[0] + MARKER for box in written)


def test_points_at_one_height_but_far_apart_keep_their_names_beside_them() -> None:
    """Names used to move whenever two models had a similar value: onto their own points."""
    names = [("teacher", Mark(0.1, 0.5)), ("plain", Mark(0.5, 0.51)), ("counterfactual", Mark(0.8, 0.52))]
    places = label_places(names, [mark for _, mark in names], [(600.0, 300.0)])
    assert all(-20 < place.dy < 20 for place in places)


def test_names_of_two_models_at_one_point_are_both_legible() -> None:
    names = [("plain", Mark(0.5, 0.5)), ("counterfactual", Mark(0.5, 0.5))]
    first, second = label_places(names, [mark for _, mark in names], SIZES)
    assert first != second
    assert not first.far
    assert not second.far


def test_a_whisker_is_avoided_where_there_is_room() -> None:
    mark = Mark(0.5, 0.5, across=(0.3, 0.7), down=(0.2, 0.8))
    (place,) = label_places([("teacher", mark)], [mark], [(500.0, 300.0)])
    box = place.box(250, 150, text_width("teacher"))
    assert not box.meets(Box(150, 149, 350, 151))
    assert not box.meets(Box(249, 60, 251, 240))


@pytest.mark.parametrize(("dy", "far"), [(-13, False), (23, False), (-9 - 32, True), (3 + 48, True)])
def test_a_name_far_away_asks_for_a_line(dy: float, far: bool) -> None:
    assert Place(0, dy, "middle").far == far
