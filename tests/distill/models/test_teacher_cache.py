"""What is read from a teacher's cache is what was written, or nothing."""

import os

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distill.errors import UserError
from distill.models.teacher_cache import TeacherCache, check_space

BLOCKS, LENGTH, WIDTH = 3, 4, 5


def cache_in(folder, dtype=None) -> TeacherCache:
    return TeacherCache(folder / "key", {"teacher": "tiny"}, BLOCKS, LENGTH, torch.zeros(1, WIDTH), dtype)


@given(
    st.dictionaries(
        st.tuples(st.integers(0, BLOCKS - 1), st.integers(0, 1)), st.integers(1, LENGTH), max_size=2 * BLOCKS
    ),
    st.integers(0, 1000),
)
def test_records_are_independent(tmp_path_factory, records, seed):
    folder = tmp_path_factory.mktemp("cache")
    generator = torch.Generator().manual_seed(seed)
    states = {place: torch.randn(size, WIDTH, generator=generator) for place, size in records.items()}
    cache = cache_in(folder)
    for (block, part), values in states.items():
        cache.write(block, part, values)
    again = cache_in(folder)
    assert again.records == len(records)
    for block in range(BLOCKS):
        for part in (0, 1):
            expected = states.get((block, part))
            found = again.read(block, part, LENGTH if expected is None else len(expected))
            assert (found is None) if expected is None else torch.equal(found, expected)


def test_a_record_of_a_killed_process_counts_as_missing(tmp_path):
    cache = cache_in(tmp_path)
    states = torch.randn(LENGTH, WIDTH)
    cache.write(1, 0, states)
    cache.write(2, 0, states)
    file = tmp_path / "key" / "states.bin"
    with file.open("r+b") as damaged:
        damaged.seek(2 * LENGTH * WIDTH * 4 + 7)
        damaged.write(b"\x55\xaa")
    assert cache.read(1, 0, LENGTH) is None
    assert torch.equal(cache.read(2, 0, LENGTH), states)
    os.truncate(file, 4 * LENGTH * WIDTH * 4 + 3)
    assert cache.read(2, 0, LENGTH) is None


def test_rounding_is_what_is_read_back(tmp_path):
    cache = cache_in(tmp_path, torch.bfloat16)
    states = torch.randn(LENGTH, WIDTH)
    cache.write(0, 1, states)
    assert cache.read(0, 1, LENGTH).dtype == torch.float32
    assert torch.equal(cache.read(0, 1, LENGTH), cache.rounded(states))
    assert not torch.equal(cache.rounded(states), states)


def test_a_full_disk_is_told(small_disk):
    cache = TeacherCache(small_disk / "key", {}, 4, 1000, torch.zeros(1, 1000))
    with pytest.raises(UserError, match=r"states cannot be written .*; give a folder with more space"):
        cache.write(0, 0, torch.randn(1000, 1000))


def test_a_disk_that_is_too_small_is_refused_before(small_disk):
    check_space(small_disk / "not" / "there", 1000)
    with pytest.raises(UserError, match=r"may take up to 2.0 MB in '.*', where 1.0 MB are free: choose another"):
        check_space(small_disk / "not" / "there", 2_000_000)


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "key").write_text("")
    with pytest.raises(UserError, match=r"data.teacher_cache .* is a file, not a folder"):
        cache_in(tmp_path)
