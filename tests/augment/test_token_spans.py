"""Which tokens a span of characters touches."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augment.token_spans import ending_in, overlapping


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5))))
def test_overlap_is_a_shared_character(token_lengths: list[int], gaps: list[tuple[int, int]]) -> None:
    ends = np.cumsum(token_lengths)
    offsets = np.stack([ends - token_lengths, ends], axis=1)
    spans, position = [], 0
    for gap, length in gaps:
        spans.append((position + gap, position + gap + length))
        position += gap + length
    expected = [any(low < end and high > start for start, end in spans) for low, high in offsets]
    assert overlapping(offsets, spans).tolist() == expected


def test_every_token_of_a_split_word_overlaps() -> None:
    offsets = np.array([[0, 3], [3, 6], [6, 8]])
    assert overlapping(offsets, [(4, 7)]).tolist() == [False, True, True]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.sets(st.integers(1, 30)))
def test_a_span_ends_in_a_token_or_with_it(token_lengths: list[int], ends: set[int]) -> None:
    stops = np.cumsum(token_lengths)
    offsets = np.stack([stops - token_lengths, stops], axis=1)
    expected = [any(low < end <= high or end == high for end in ends) for low, high in offsets]
    assert ending_in(offsets, np.array(sorted(ends), dtype=np.int64)).tolist() == expected
