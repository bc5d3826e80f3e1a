"""Invariants of all measure records."""

from types import NoneType, UnionType
from typing import get_args, get_origin, get_type_hints, is_typeddict

import pytest

from distill.evaluation.measures import MEASURES
from distill.evaluation.measures.record import EACH, Line, Measure, Section

LINES = [(measure, line) for measure in MEASURES for line in measure.lines]


def test_each_measure_has_its_own_key() -> None:
    keys = [measure.key for measure in MEASURES]
    assert len(set(keys)) == len(keys)
    assert not {"schema", "model", "settings"} & set(keys)


@pytest.mark.parametrize(("measure", "line"), LINES)
def test_what_a_line_shows_stands_in_the_type_of_the_entry(measure: Measure, line: Line) -> None:
    """Otherwise nothing would check it, and a line with a misspelt key would never be filled."""
    paths = [line.path, *(note.path for note in line.notes)]
    beside = [line.interval, *((line.fair.expected, line.fair.bound) if line.fair else ())]
    paths += [(*line.path[:-1], key) for key in beside if key]
    for path in paths:
        kind = measure.entry
        for key in path:
            if get_origin(kind) is UnionType:  # an entry that may be null
                kind = next(each for each in get_args(kind) if each is not NoneType)
            if get_origin(kind) is dict:
                kind = get_args(kind)[1]
            else:
                assert is_typeddict(kind)
                if key == EACH:
                    break
                kind = get_type_hints(kind)[key]


@pytest.mark.parametrize(("measure", "line"), LINES)
def test_a_line_has_a_title_and_an_explanation(measure: Measure, line: Line) -> None:
    assert line.title
    assert line.explanation.endswith(".") or line.path[-1] == EACH
    assert line.section in Section
