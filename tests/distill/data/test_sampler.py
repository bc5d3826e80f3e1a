"""The order of blocks: a partition of every epoch, the same on any number of devices, continued after a kill."""

import itertools

import pytest

from distill.data.sampler import EMPTY, GlobalBatchSampler, ShardSampler
from distill.data.trainer_units import limit_per_rank


def micro_batches(rank=0, world_size=1, step=0, micro_batch_size=2, global_batch_size=8, blocks=43, seed=3):
    return list(GlobalBatchSampler(blocks, global_batch_size, micro_batch_size, rank, world_size, seed, lambda: step))


def test_every_block_at_most_once_an_epoch():
    blocks = list(itertools.chain.from_iterable(micro_batches()))
    assert len(blocks) == len(set(blocks)) == 40
    assert set(blocks) <= set(range(43))


@pytest.mark.parametrize("world_size", [2, 4])
def test_devices_share_the_same_micro_batches(world_size):
    ranks = [micro_batches(rank, world_size) for rank in range(world_size)]
    interleaved = [batch for batches in zip(*ranks, strict=True) for batch in batches]
    assert interleaved == micro_batches()


def test_continues_with_the_batches_it_would_have_seen():
    whole = micro_batches() + micro_batches(step=5)
    for step in range(10):
        assert micro_batches(step=step) == whole[4 * step : 20 * (step // 5 + 1)]


def test_epochs_and_seeds_differ():
    assert micro_batches() != micro_batches(step=5)
    assert micro_batches() != micro_batches(seed=4)


def test_the_length_stays_the_whole_epoch():
    sampler = GlobalBatchSampler(43, 8, 2, 0, 2, 3, lambda: 4)
    assert len(sampler) == 10
    assert len(list(sampler)) == 2


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_shards_cover_all_blocks_once_with_equal_batches(world_size):
    shards = [list(ShardSampler(11, 2, rank, world_size)) for rank in range(world_size)]
    assert len({len(shard) for shard in shards}) == 1
    assert all(len(shard) == len(ShardSampler(11, 2, 0, world_size)) for shard in shards)
    indices = [index for shard in shards for batch in shard for index in batch]
    assert sorted(index for index in indices if index != EMPTY) == list(range(11))


@pytest.mark.parametrize(("world_size", "blocks"), [(1, 8), (2, 8), (3, 12), (4, 8), (8, 16)])
def test_a_limit_measures_the_same_blocks_rounded_up_to_whole_rounds(world_size, blocks):
    limit = limit_per_rank(4, world_size)
    shards = [list(ShardSampler(100, 2, rank, world_size))[:limit] for rank in range(world_size)]
    assert sorted(index for shard in shards for batch in shard for index in batch) == list(range(blocks))


def test_a_share_of_the_batches_is_the_same_on_each_rank():
    assert limit_per_rank(0.5, 4) == 0.5
    assert limit_per_rank(0, 4) == 0
