"""The three kinds of prefix against their definition, position by position."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from distill.perturbation.prefix_kinds import PrefixKind, prefix_kinds

tokens = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(tokens)
def test_kinds_equal_their_definition(flags):
    aligned, reversed_word, tell = np.array(flags, dtype=bool).T
    for t, kind in enumerate(prefix_kinds(aligned, reversed_word, tell)):
        if aligned[t] and reversed_word[: t + 1].any():
            assert kind == PrefixKind.REVERSED
        elif tell[: t + 1].any() or not aligned[t]:
            assert kind == PrefixKind.UNALIGNED
        else:
            assert kind == PrefixKind.NEUTRAL
