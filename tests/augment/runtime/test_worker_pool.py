import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from augment.runtime.worker_pool import ordered_map


def later_first(item: int, factor: int) -> int:
    time.sleep(0.02 * (item % 3 == 0))
    return item * factor


@pytest.mark.parametrize(("num_proc", "start_method"), [(1, None), (2, None), (3, "fork"), (2, "spawn")])
def test_results_come_in_order(num_proc: int, start_method: str | None) -> None:
    results = ordered_map(later_first, iter(range(20)), num_proc, 7, start_method=start_method)
    assert list(results) == [7 * item for item in range(20)]


def test_items_are_consumed_lazily() -> None:
    taken = []
    results = ordered_map(later_first, (taken.append(item) or item for item in range(1000)), 2, 1)
    assert next(results) == 0
    assert len(taken) < 10
    results.close()


def fail(item: int) -> int:
    if item == 3:
        raise LookupError("three")
    time.sleep(60 * (item > 3))
    return item


def test_an_error_is_raised_in_order_and_at_once() -> None:
    began = time.monotonic()
    results = ordered_map(fail, range(20), 2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="three"):
        next(results)
    assert time.monotonic() - began < 30


def killed(item: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_an_error() -> None:
    with pytest.raises(BrokenProcessPool):
        list(ordered_map(killed, range(3), 2))


def large(item: int) -> bytes:
    time.sleep(0.02)
    return bytes(4_000_000)


@pytest.mark.parametrize("taken", [1, 3, 6])
def test_an_abandoned_map_does_not_wait_for_half_a_result(taken: int) -> None:
    results = ordered_map(large, range(100), 2)
    for _ in range(taken):
        assert len(next(results)) == 4_000_000
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 30
