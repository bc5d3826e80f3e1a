"""The teacher's hidden states of training blocks, kept in a file: epochs, seeds and sweeps ask the teacher once."""

import json
import os
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from augment.runtime.atomic_write import atomic_write
from distill.errors import UserError
from distill.runtime.paths import check_writable

_ABOUT = "about.json"
_SUM_BYTES = 8
"""Of one checksum: 0 where there is no record, else 1 + the CRC-32 of the record, so that a record of a process that
was killed in the middle of it counts as missing."""


class TeacherCache:
    """Two records for each block, after its factual and after its reversed prefixes, in files that all processes share.

    Every block has room for as many reversed prefixes as it has tokens; what is never written takes no space on disk.

    Args:
        folder: Of this teacher and this text only, created with the first cache.
        about: What the states were computed from, written beside them for whoever finds the folder.
        blocks: Blocks of the text.
        length: Tokens of a block.
        states: `[…, D]` hidden states of this teacher, for their width and dtype.
        dtype: Of the records; None: that of the states.

    Attributes:
        given: Dtype of the teacher's states.
        width: Their number of features.

    Raises:
        UserError: If the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, object],
        blocks: int,
        length: int,
        states: Tensor,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.given = states.dtype
        self._kept = dtype or states.dtype
        self.width = states.shape[-1]
        self._record = length * self.width * self._kept.itemsize
        check_writable(folder, "data.teacher_cache")
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / _ABOUT).exists():
            content = json.dumps(about, indent=2, ensure_ascii=False)
            atomic_write(folder / _ABOUT, lambda path: path.write_text(content, encoding="utf-8"))
        self._states = _open_file(folder / "states.bin", blocks * 2 * self._record)
        self._sums = _open_file(folder / "sums.bin", blocks * 2 * _SUM_BYTES)

    @property
    def record_bytes(self) -> int:
        """The most bytes that a record takes."""
        return self._record + _SUM_BYTES

    @property
    def records(self) -> int:
        """How many records there are."""
        size = os.fstat(self._sums).st_size
        return int(np.count_nonzero(np.frombuffer(os.pread(self._sums, size, 0), dtype=np.uint64)))

    def empty(self, positions: int) -> Tensor:
        """`[positions, D]` states of 0."""
        return torch.zeros(positions, self.width, dtype=self.given)

    def rounded(self, states: Tensor) -> Tensor:
        """The states as `read` will return them."""
        return states.to(self._kept).to(self.given)

    def __del__(self) -> None:
        for name in ("_states", "_sums"):
            if name in vars(self):
                os.close(getattr(self, name))

    def read(self, block: int, part: int, positions: int) -> Tensor | None:
        """The states of one record, on the CPU.

        Args:
            block: Number of the block.
            part: 0: after its factual prefixes; 1: after its reversed ones.
            positions: How many states the record has, 1 or more.

        Returns:
            `[positions, D]`, in the teacher's dtype; None if there is no record, or a damaged one.
        """
        place = 2 * block + part
        expected = int.from_bytes(os.pread(self._sums, _SUM_BYTES, place * _SUM_BYTES), "little")
        if not expected:
            return None
        size = positions * self.width * self._kept.itemsize
        content = bytearray(os.pread(self._states, size, place * self._record))
        if _checksum(content) != expected:
            return None
        return torch.frombuffer(content, dtype=self._kept).view(positions, self.width).to(self.given)

    def write(self, block: int, part: int, states: Tensor) -> None:
        """Keep the states of one record.

        Args:
            block: Number of the block.
            part: 0: after its factual prefixes; 1: after its reversed ones.
            states: `[positions, D]`, in the teacher's dtype, at least one.

        Raises:
            UserError: If the disk is full.
        """
        place = 2 * block + part
        kept = states.detach().to("cpu", self._kept).contiguous()
        content = kept.view(torch.uint8).numpy().tobytes()
        try:
            os.pwrite(self._states, content, place * self._record)
            os.pwrite(self._sums, _checksum(content).to_bytes(_SUM_BYTES, "little"), place * _SUM_BYTES)
        except OSError as error:
            raise UserError(
                f"data.teacher_cache: the teacher's states cannot be written ({error.strerror}); give a folder with "
                "more space, or leave the setting out"
            ) from error


def check_space(folder: Path, needed: int) -> None:
    """Refuse a cache that may not fit on its disk.

    Args:
        folder: Where it will be, whether it exists or not.
        needed: The most bytes that it can still take.

    Raises:
        UserError: If fewer bytes are free.
    """
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise UserError(
            f"data.teacher_cache may take up to {gigabytes(needed)} in {str(folder)!r}, where {gigabytes(free)} are "
            "free: choose another folder, set data.teacher_cache_dtype to bfloat16, or leave it out"
        )


def gigabytes(size: int) -> str:
    """A number of bytes for people.

    Example:
        >>> gigabytes(1_230_000_000)
        '1.2 GB'
    """
    return f"{size / 1e9:.1f} GB" if size >= 5e7 else f"{size / 1e6:.1f} MB"


def _open_file(path: Path, size: int) -> int:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if os.fstat(file).st_size < size:
            os.truncate(file, size)
    except OSError as error:
        raise UserError(
            f"data.teacher_cache: {str(path)!r} cannot be written ({error.strerror}); choose another folder"
        ) from error
    return file


def _checksum(content: bytes | bytearray) -> int:
    return 1 + zlib.crc32(content)
