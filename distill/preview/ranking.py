"""Which documents of a training text teach most: ordered by how far the target lies from the factual prediction."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from augment.runtime.atomic_write import atomic_write
from distill.data.blocks import Batch, Blocks, collate
from distill.data.focus import TEXT_KEY, text_checksum

_BEGINNING = 32
"""Tokens of a document that are shown."""


def rank_documents(
    blocks: Blocks,
    divergence: Callable[[Batch], Tensor],
    tokenizer: PreTrainedTokenizerBase,
    rows: int,
    device: torch.device,
) -> pa.Table:
    """Order the documents of a text, those that teach most first.

    Args:
        blocks: The text.
        divergence: KL(p″ ‖ p) of each position of a batch, `[batch, length]` in nats.
        tokenizer: Decodes the documents' beginnings.
        rows: Blocks in a batch.
        device: Where batches are moved to.

    Returns:
        A row per document: `document`, its number in the text, from 1; `tokens`, with its end-of-text token;
        `kl_per_token`, mean over those that are predicted, null if none is: the first token of the text, and those
        after the last block; `beginning`, its first words. The schema's metadata hold the checksum of the text.
    """
    packed = blocks.packed
    starts = packed.array("starts")
    sums, predicted = np.zeros(packed.documents), np.zeros(packed.documents, dtype=np.int64)
    for first in tqdm(range(0, len(blocks), rows), desc="Ranking documents", unit=" batches"):
        batch = collate([blocks[index] for index in range(first, min(first + rows, len(blocks)))]).to(device)
        found = divergence(batch).double().cpu().numpy().ravel()
        # Position t predicts token t + 1.
        positions = first * batch.labels.shape[1] + 1 + np.arange(len(found))
        documents = np.searchsorted(starts, positions, side="right") - 1
        np.add.at(sums, documents, found)
        np.add.at(predicted, documents, 1)
    means = np.divide(sums, predicted, out=np.full(len(sums), -np.inf), where=predicted > 0)
    order = np.argsort(-means, kind="stable")
    lengths = np.diff(starts, append=packed.tokens)
    stream = packed.array("tokens")
    beginnings = [
        stream[start : start + min(_BEGINNING, length)] for start, length in zip(starts, lengths, strict=True)
    ]
    table = pa.table(
        {
            "document": pa.array(order + 1),
            "tokens": pa.array(lengths[order]),
            "kl_per_token": pa.array(means[order], mask=predicted[order] == 0),
            "beginning": pa.array(
                [tokenizer.decode(beginnings[index].tolist(), skip_special_tokens=True) for index in order]
            ),
        }
    )
    return table.replace_schema_metadata({TEXT_KEY: text_checksum(packed)})


def write_ranking(path: Path, ranking: pa.Table) -> None:
    """Write a ranking as a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, lambda unfinished: pq.write_table(ranking, unfinished))
