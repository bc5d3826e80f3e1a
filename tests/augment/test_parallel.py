"""Many texts on several processes: the same reversals in the same order, whichever process makes them."""

import gc
import multiprocessing
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection

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


@pytest.mark.parametrize("cut", [parallel._equal_parts, parallel._shrinking_parts])
@given(texts=st.lists(st.sampled_from(SENTENCES)), number=st.integers(1, 40))
def test_every_text_has_its_place_in_one_part(cut: Callable, texts: list[str], number: int) -> None:
    parts = cut(texts, number)
    assert len(parts) == number
    assert [text for part in parts for text in part] == texts


def test_equal_parts() -> None:
    assert {len(part) for part in parallel._equal_parts(["a" * 99] * 10_000, 3)} == {3333, 3334}


def test_shrinking_parts() -> None:
    lengths = [len(part) for part in parallel._shrinking_parts(["a" * 99] * 10_000, 10)]
    assert lengths == pytest.approx([1900, 1700, 1500, 1300, 1100, 900, 700, 500, 300, 100], abs=1)


def test_every_number_is_taken_by_one_process() -> None:
    numbers = parallel._WorkQueue(parallel._WorkQueue.MAX_SIZE)
    first = [next(iter(numbers)) for _ in range(5)]
    receiving, sending = multiprocessing.Pipe(duplex=False)
    other = multiprocessing.Process(target=lambda: sending.send(list(numbers)))
    other.start()
    own = list(numbers)
    assert sorted([*first, *own, *receiving.recv()]) == list(range(parallel._WorkQueue.MAX_SIZE))
    other.join()


def test_more_parts_than_fit_into_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_PARTS_PER_PROCESS", 1_000_000)
    texts = ["she said", "he said"] * 3000
    assert REVERSER.reverse_all(texts, num_proc=2) == [REVERSER.reverse(text) for text in texts]


def test_messages_are_polled_between_long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    receive = parallel._receive

    def look(*places, timeout):
        looks.append(timeout)
        receive(*places, timeout)

    monkeypatch.setattr(parallel, "_receive", look)
    REVERSER.reverse_all(["she said. " * 10_000] * 20, num_proc=2)
    assert looks.count(0) >= 9


@pytest.mark.parametrize("processes", [0, -1])
def test_fewer_than_one_process_are_refused(processes: int) -> None:
    with pytest.raises(ValueError, match=f"num_proc={processes}: 1 or more"):
        REVERSER.reverse_all(["she"], num_proc=processes)


def test_no_process_is_started_without_a_text_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_reverse_each", lambda *_: os._exit(3))
    assert REVERSER.reverse_all([], num_proc=32) == []
    assert REVERSER.reverse_all(["she"], num_proc=32) == [REVERSER.reverse("she")]


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_collected_afterwards_as_before(collecting: bool) -> None:
    if not collecting:
        gc.disable()
    try:
        REVERSER.reverse_all(["she"] * 40, num_proc=2)
        with pytest.raises(TypeError):
            REVERSER.reverse_all([*["she"] * 40, b"she"], num_proc=2)
        assert gc.isenabled() == collecting
    finally:
        gc.enable()


def test_what_a_text_raises_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TypeError):
        REVERSER.reverse_all([*["she"] * 40, b"she"], num_proc=2)
    assert capfd.readouterr().err == ""


def ends_at_once(reverse: Callable, parts: Sequence, numbers: Iterable[int], sending: Connection) -> None:
    os._exit(3)


def ends_in_a_message(reverse: Callable, parts: Sequence, numbers: Iterable[int], sending: Connection) -> None:
    # A message's length, and less than that.
    os.write(sending.fileno(), struct.pack("!i", 1000) + b"cut short")
    os._exit(3)


@pytest.mark.parametrize("ends", [ends_at_once, ends_in_a_message])
def test_a_worker_that_ends_early_is_reported(monkeypatch: pytest.MonkeyPatch, ends: Callable) -> None:
    monkeypatch.setattr(parallel, "_reverse_each", ends)
    with pytest.raises(RuntimeError, match="exit code 3 before it was done"):
        REVERSER.reverse_all(["she said"] * 100, num_proc=2)


HOSTS = """
import os, signal, sys
from augment import RoleReverser, parallel
signal.signal(signal.SIGTERM, lambda *_: None)
columns = parallel._columns
def reported(reverse, texts):
    print(os.getpid(), flush=True)
    return columns(reverse, texts)
parallel._columns = reported
class Stops(RoleReverser):
    def reverse(self, text):
        if os.getpid() == %(main)s: %(does)s
        return super().reverse(text)
Stops().reverse_all(["she said. " * 20_000] * 40, num_proc=2)
"""


@pytest.mark.parametrize(
    "does", ["raise KeyboardInterrupt", "os.kill(os.getpid(), signal.SIGKILL)"], ids=["interrupted", "killed"]
)
def test_no_process_outlives_this_one(does: str) -> None:
    program = HOSTS.replace("%(main)s", "main").replace("%(does)s", f"sys.stdin.readline(); {does}")
    program = program.replace("class Stops", "main = os.getpid()\nclass Stops")
    host = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    # The other process has begun, and will wait for a look at its first message.
    assert host.stdout is not None
    assert host.stdout.readline()
    # It holds the other end of the output as long as it lives.
    host.communicate(b"\n", timeout=60)
