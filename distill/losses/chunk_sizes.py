"""How many rows of logits exist at a time."""

import os

import torch

__all__ = ["block_rows", "chunk_rows"]

_SHARE = 32
"""The logits of a chunk take at most one part in so many of the device's memory."""
_LIVE = 3
"""Logits of one row that exist at once: the student's, the teacher's, and the teacher's after the reversed prefix."""
_MOST = {"cpu": 256, "cuda": 4096}
"""Beyond that, head products don't get faster."""
_BLOCK_ELEMENTS = {"cpu": 2**18, "cuda": 2**25}
"""A block's logits stay in a CPU's cache, and its temporaries in memory that is used again; on a GPU they are many
enough to keep it busy."""


def chunk_rows(vocabulary: int, device: torch.device) -> int:
    """Rows that go through the head products at a time: a power of two, the same on every run of the same machine.

    Args:
        vocabulary: columns of the logits.
        device: where they live.
    """
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
    else:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    rows = max(1, memory // _SHARE // (_LIVE * 4 * vocabulary))
    return min(_MOST.get(device.type, _MOST["cuda"]), 1 << (rows.bit_length() - 1))


def block_rows(vocabulary: int, device: torch.device) -> int:
    """Rows that go through everything between two products at a time."""
    return max(1, _BLOCK_ELEMENTS.get(device.type, _BLOCK_ELEMENTS["cuda"]) // vocabulary)
