"""The three kinds of prefix against their definition, position by position."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from distill.perturbation.prefix_kinds import PrefixKind, prefix_kinds

tokens = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(tokens, st.sets(st.integers(0, 11)))
def test_kinds_equal_their_definition(flags, openings):
    aligned, reversed_word, tell = np.array(flags, dtype=bool).T
    begin = np.array([max((s for s in openings if s <= t), default=0) for t in range(len(flags))])
    for t, kind in enumerate(prefix_kinds(aligned, reversed_word, tell, begin)):
        if aligned[t] and reversed_word[begin[t] : t + 1].any():
            assert kind == PrefixKind.REVERSED
        elif tell[begin[t] : t + 1].any() or not aligned[t]:
            assert kind == PrefixKind.UNALIGNED
        else:
            assert kind == PrefixKind.NEUTRAL
