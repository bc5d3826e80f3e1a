"""Read an untrusted pickle as data: whatever it names is replaced by a stand-in that only holds what it was given."""

import pickle
import re
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

_NUMBERS = re.compile(r"[<>=|]?[fiu][1248]")
_TEXT = re.compile(r"[<>=|]?U[0-9]+")


class Inert:
    """Stands for any class: holds what it would have been made of.

    Attributes:
        arguments: What it was made with.
        state: What was restored into it.
    """

    def __new__(cls, *arguments: Any) -> Self:
        """Keep what the class would have been made with."""
        made = super().__new__(cls)
        made.arguments, made.state = arguments, None
        return made

    # Without it, a pickle could set attributes of the stand-ins themselves.
    def __setstate__(self, state: Any) -> None:
        """Keep a state without restoring it."""
        self.state = state


class InertDtype(Inert):
    """Stands for numpy.dtype, which would restore any state it is given, also one that takes bytes for pointers."""

    @property
    def name(self) -> str:
        """What it was made with, such as f4; its size is in there, its byte order is not."""
        return next((name for name in self.arguments[:1] if isinstance(name, str)), "")

    @property
    def order(self) -> str:
        """Its byte order, as numpy writes it."""
        match self.state:
            case (_, str(order), *_):
                return order
        return "="


class InertArray(Inert):
    """Stands for numpy.ndarray, and for the function that a pickle restores one with."""

    def numbers(self) -> NDArray[Any]:
        """The array, built by us from its bytes.

        Raises:
            ValueError: If it is of anything but plain numbers, or its size is not that of its bytes.
        """
        match self.state:
            case (_, tuple(shape), InertDtype() as dtype, fortran, bytes(content)) if _NUMBERS.fullmatch(
                dtype.name
            ) and dtype.order in ("<", ">", "=", "|"):
                kind = np.dtype(dtype.name).newbyteorder(dtype.order)
                return np.frombuffer(content, kind).reshape(shape, order="F" if fortran else "C")
        raise ValueError("it holds an array of something other than plain numbers")


class InertScalar(Inert):
    """Stands for the function that a pickle restores a number or a text of numpy's with."""

    def text(self) -> str:
        """The text.

        Raises:
            ValueError: If it is none.
        """
        match self.arguments:
            case (InertDtype() as dtype, bytes(content)) if _TEXT.fullmatch(dtype.name) and dtype.order in ("<", ">"):
                return content.decode("utf-32-le" if dtype.order == "<" else "utf-32-be").rstrip("\0")
        raise ValueError("it holds a word that is not text")


_STAND_INS = {"_reconstruct": InertArray, "ndarray": InertArray, "dtype": InertDtype, "scalar": InertScalar}
_GENSIM = frozenset({"KeyedVectors", "Word2VecKeyedVectors", "EuclideanKeyedVectors", "Vocab"})


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[Inert]:
        if module.startswith("gensim.models.") and name in _GENSIM:
            return Inert
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray") and name in _STAND_INS:
            return _STAND_INS[name]
        raise pickle.UnpicklingError(f"it wants {f'{module}.{name}'!r}, which no word vectors need")


def read_inert(file: BinaryIO) -> Any:
    """Read a pickle of gensim's word vectors: containers, texts and numbers, and stand-ins for all else.

    Raises:
        ValueError: If it is not a pickle, or names something that word vectors do not need.
    """
    try:
        return _Unpickler(file).load()
    except Exception as error:  # a damaged pickle raises of every kind
        raise ValueError(str(error) or type(error).__name__) from error
