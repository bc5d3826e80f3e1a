import io
import pickle
from typing import Any

import numpy as np
import pytest

from distill.evaluation.polarity.inert_pickle import InertArray, InertDtype, InertScalar, read_inert


class Reduced:
    """Pickles as a call with a state."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> tuple:
        return self.parts


def read(value: Any) -> Any:
    return read_inert(io.BytesIO(pickle.dumps(value, protocol=4)))


def array(dtype: Any, shape: Any, content: Any) -> Reduced:
    return Reduced(np.zeros(0).__reduce__()[0], (np.ndarray, (0,), b"b"), (1, shape, dtype, False, content))


def dtype(name: str, *state: Any) -> Reduced:
    return Reduced(np.dtype, (name, False, True), state)


FLOAT = dtype("f4", 3, "<", None, None, None, -1, -1, 0)


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2", "<i8", "|u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_numbers_come_back(kind: str, order: str) -> None:
    numbers = np.arange(6).reshape(2, 3).astype(kind, order=order)
    read_back = read(numbers).numbers()
    assert read_back.dtype == numbers.dtype
    assert (read_back == numbers).all()


@pytest.mark.parametrize("kind", ["<U4", ">U4"])
def test_texts_of_numpy_come_back(kind: str) -> None:
    assert read(np.array(["naïf", "a😂"], dtype=kind)[1]).text() == "a😂"
    assert read(np.array(["naïf", "a😂"], dtype=kind)[0]).text() == "naïf"
    with pytest.raises(ValueError, match="not text"):
        read(np.float32(2)).text()


def test_nothing_is_built_but_stand_ins() -> None:
    found = read({"scalar": np.float32(2), "objects": np.array(["a", None], dtype=object), "type": np.dtype("O")})
    assert [type(value) for value in found.values()] == [InertScalar, InertArray, InertDtype]
    with pytest.raises(ValueError, match="other than plain numbers"):
        found["objects"].numbers()


@pytest.mark.parametrize(
    "value",
    [
        # An object field without the flag that says so: numpy would treat the bytes as pointers.
        array(dtype("V8", 3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0), (2,), bytes(16)),
        array(dtype("O8", 3, "|", None, None, None, -1, -1, 0), (2,), bytes(16)),
        array(dtype("f4", 3, "?", None, None, None, -1, -1, 0), (2,), bytes(8)),
        array("f4", (2,), bytes(8)),
        array(FLOAT, (3,), bytes(8)),
        array(FLOAT, 2, bytes(8)),
        array(FLOAT, ("2",), bytes(8)),
        array(FLOAT, (2,), [1.0, 2.0]),
    ],
)
def test_arrays_of_anything_else_are_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        read(value).numbers()


def test_a_stand_in_itself_can_not_be_changed() -> None:
    changed = b"cnumpy\ndtype\n" + pickle.dumps((None, {"harm": 1}), protocol=0)[:-1] + b"b."
    with pytest.raises(ValueError, match="__setstate__"):
        read_inert(io.BytesIO(changed))
    assert not hasattr(InertDtype, "harm")
