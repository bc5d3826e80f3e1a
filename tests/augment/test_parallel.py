"""Many texts on several processes: the same reversals in the same order, whoever makes them."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment import RoleReverser, parallel

REVERSER = RoleReverser(names=True)
SENTENCES = ("", "She said.", "Nobody knew.", "Mary and her pregnant sister saw him.", "His, not hers.", "é 😂")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(SENTENCES), max_size=200), st.integers(2, 4))
def test_reversals_are_the_same_in_the_same_order(texts: list[str], processes: int) -> None:
    assert REVERSER.reverse_all(texts, num_proc=processes) == [REVERSER.reverse(text) for text in texts]


@given(st.lists(st.sampled_from(SENTENCES)), st.integers(2, 40))
def test_every_text_has_its_place_in_one_share(texts: list[str], processes: int) -> None:
    shares = parallel._shares(texts, processes)
    assert len(shares) == processes
    assert [text for share in shares for text in share] == texts


def test_shares_are_as_long_for_all_but_the_one_that_receives() -> None:
    first, *others = [sum(map(len, share)) for share in parallel._shares(["a" * 99] * 10_000, 3)]
    assert others[0] == pytest.approx(others[1], rel=0.01)
    assert first == pytest.approx(others[0] - parallel._RECEIVING * sum(others), rel=0.01)


def test_a_process_that_ends_early_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_reverse_each", lambda *_: os._exit(3))
    with pytest.raises(RuntimeError, match="exit code 3 before it was done"):
        REVERSER.reverse_all(["she said"] * 100, num_proc=2)
