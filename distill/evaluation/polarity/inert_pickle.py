"""Read an untrusted pickle as data: every class it names becomes a stand-in that only holds what it was given."""

import pickle
import re
from typing import Any, BinaryIO, Literal, Self

import numpy as np
from numpy.typing import NDArray

_NUMBERS = re.compile(r"[<>=|]?[fiu][1248]")
_TEXT = re.compile(r"[<>=|]?U[0-9]+")

ByteOrder = Literal["<", ">", "=", "|"]
_BYTE_ORDERS: dict[Any, ByteOrder] = {"<": "<", ">": ">", "=": "=", "|": "|"}


class Inert:
    """Stand-in for any class: holds what an instance would have been created from.

    Attributes:
        arguments: The arguments that it was created with.
        state: The state that was to be restored into it.
    """

    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> Self:
        """Keep the arguments that the class would have been given."""
        made = super().__new__(cls)
        made.arguments, made.state = arguments, None
        return made

    # Without this method, a pickle could set attributes of the stand-ins themselves.
    def __setstate__(self, state: Any) -> None:
        """Keep a state without restoring it."""
        self.state = state


class InertDtype(Inert):
    """Stand-in for numpy.dtype, which would restore any state, even one that treats bytes as pointers."""

    @property
    def name(self) -> str:
        """What it was created with, such as f4: it includes the item size, but not the byte order."""
        return next((name for name in self.arguments[:1] if isinstance(name, str)), "")

    @property
    def order(self) -> ByteOrder | None:
        """Its byte order, as numpy writes it; None if the state names another."""
        match self.state:
            case (_, str(order), *_):
                return _BYTE_ORDERS.get(order)
        return "="


class InertArray(Inert):
    """Stand-in for numpy.ndarray and for the function that restores an array from a pickle."""

    def numbers(self) -> NDArray[Any]:
        """Build the array from its bytes.

        Raises:
            ValueError: If it contains anything but plain numbers, or its shape does not match the number of bytes.
        """
        match self.state:
            case (_, tuple(shape), InertDtype() as dtype, fortran, bytes(content)) if _NUMBERS.fullmatch(dtype.name):
                if (order := dtype.order) is not None:
                    kind = np.dtype(dtype.name).newbyteorder(order)
                    return np.frombuffer(content, kind).reshape(shape, order="F" if fortran else "C")
        raise ValueError("it contains an array of something other than plain numbers")


class InertScalar(Inert):
    """Stand-in for the function that restores a NumPy number or string from a pickle."""

    def text(self) -> str:
        """Decode the string.

        Raises:
            ValueError: If it is not a string.
        """
        match self.arguments:
            case (InertDtype() as dtype, bytes(content)) if _TEXT.fullmatch(dtype.name) and dtype.order in ("<", ">"):
                return content.decode("utf-32-le" if dtype.order == "<" else "utf-32-be").rstrip("\0")
        raise ValueError("one of its words is not text")


_STAND_INS = {"_reconstruct": InertArray, "ndarray": InertArray, "dtype": InertDtype, "scalar": InertScalar}
_GENSIM = frozenset({"KeyedVectors", "Word2VecKeyedVectors", "EuclideanKeyedVectors", "Vocab"})


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[Inert]:
        if module.startswith("gensim.models.") and name in _GENSIM:
            return Inert
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray") and name in _STAND_INS:
            return _STAND_INS[name]
        raise pickle.UnpicklingError(f"it refers to {f'{module}.{name}'!r}, which word vectors do not need")


def read_inert(file: BinaryIO) -> Any:
    """Read a pickle of gensim's word vectors: containers, strings and numbers, with stand-ins for everything else.

    Raises:
        ValueError: If it is not a pickle, or refers to something that word vectors do not need.
    """
    try:
        return _Unpickler(file).load()
    except Exception as error:  # a corrupt pickle may raise any exception
        raise ValueError(str(error) or type(error).__name__) from error
