"""How many rows of logits are in memory at a time."""

import os

import torch

__all__ = ["chunk_rows", "tile_rows"]

_MEMORY_SHARE = 32
"""The logits of a chunk take at most 1/32 of the device's memory."""
_LIVE_LOGITS = 3
"""Logits of one row in memory at once: the student's, the teacher's, and the teacher's after the reversed prefix."""
_MOST_ROWS = {"cpu": 256, "cuda": 4096}
"""With more rows than these, head products do not get faster."""
_TILE_ELEMENTS = {"cpu": 2**18, "cuda": 2**25}
"""On a CPU, the logits of a tile fit into the cache, and its temporaries reuse the same memory; on a GPU, a tile is
large enough to keep the device busy."""


def chunk_rows(vocabulary: int, device: torch.device) -> int:
    """Rows that go through the head products at a time: a power of two, the same on every run of the same machine.

    Args:
        vocabulary: Columns of the logits.
        device: Where the logits are computed.

    Returns:
        At least 1.
    """
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
    else:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    rows = max(1, memory // _MEMORY_SHARE // (_LIVE_LOGITS * 4 * vocabulary))
    return min(_MOST_ROWS.get(device.type, _MOST_ROWS["cuda"]), 1 << (rows.bit_length() - 1))


def tile_rows(vocabulary: int, device: torch.device) -> int:
    """Rows that go through all operations between two head products at a time.

    Args:
        vocabulary: Columns of the logits.
        device: Where the logits are computed.

    Returns:
        At least 1.
    """
    return max(1, _TILE_ELEMENTS.get(device.type, _TILE_ELEMENTS["cuda"]) // vocabulary)
