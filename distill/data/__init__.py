"""From text to batches, step by step.

1. Documents: `augment.documents` reads files, folders and hub sets; `augmentation` says which side of each document,
   the text or its reversal, is the factual one.
2. Two token streams: `encoding` reverses and tokenises a document, and finds the token positions where the two sides
   meet and the tokens that are gender cues.
3. Packed text: `packing` does so for a whole corpus, on several processes and once only, into the cache; `packed_text`
   is the format of its files, and `cache_key` hashes all that changes them.
4. Blocks: `blocks` cuts the streams into pieces of `block_size` tokens, each with the reversal of what the teacher
   sees of it and the kind of every prefix.
5. Batches: `sampler` decides which blocks are in which micro-batch, as a pure function of seed, step and process;
   `blocks.collate` stacks them. `datamodule` ties the steps together for Lightning, and `trainer_units` converts its
   counts into those of a Lightning trainer.
"""

from distill.data.datamodule import CounterfactualDataModule

__all__ = ["CounterfactualDataModule"]
