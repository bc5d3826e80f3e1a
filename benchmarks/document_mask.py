"""What do documents that are apart change? Shares of the kinds of prefixes, what the teacher reads, and a step's time.

    python benchmarks/document_mask.py [--block_size 1024] [--rounds 5]

Needs ../shared/data (or $DISTILL_DATA): WikiText, the novels, one document per paragraph, and GPT-2's tokenizer. Text
about professions is the quickstart's. First names are reversed. The step is that of a random GPT-2 of four layers, with
its counterfactual pass; steps with and without the mask take turns, and times are CPU seconds. Writes
results/document_mask.json.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from measuring import write_results
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerBase

from augment import RoleReverser
from distill.config import PerturbationConfig, StudentConfig, TeacherConfig
from distill.data.blocks import Blocks, collate
from distill.data.datamodule import CounterfactualDataModule
from distill.data.packing import Corpus, pack
from distill.module import DistillationModule
from distill.preview.scores import prefix_shares
from distill.preview.text import spread
from distill.quickstart.corpus import documents

DATA = Path(os.environ.get("DISTILL_DATA", Path(__file__).parents[1] / "../shared/data"))
WITHOUT_AND_WITH = (False, True)


def sources(folder: Path) -> dict[str, list[str]]:
    """Return the files of each text; the quickstart's is written."""
    professions = folder / "professions.jsonl"
    lines = (json.dumps({"text": text}) + "\n" for text in documents(seed=1, count=20_000))
    professions.write_text("".join(lines), encoding="utf-8")
    return {
        "WikiText": [str(DATA / "wikitext" / name) for name in ("valid.txt", "test.txt")],
        "novels": [str(DATA / "novels")],
        "professions": [str(professions)],
    }


def blocks_of(
    files: list[str], tokenizer: PreTrainedTokenizerBase, block_size: int, folder: Path
) -> tuple[float, list[Blocks]]:
    """Return the mean length of the documents in tokens, and the blocks without and with the mask."""
    packed = pack(Corpus(tuple(files)), RoleReverser(names=True), tokenizer, 1, folder)
    kinds = [
        CounterfactualDataModule(tokenizer, files, block_size=block_size, names=True, document_mask=document_mask)
        for document_mask in WITHOUT_AND_WITH
    ]
    return packed.tokens / packed.documents, [data.blocks(packed) for data in kinds]


def shares(blocks: Blocks, most: int) -> dict[str, Any]:
    """Return the shares of the kinds of prefixes, and the tokens of the counterfactual pass per token of the text."""
    chosen = [blocks[int(index)] for index in spread(len(blocks), most)]
    read = sum(len(block.counterfactual) for block in chosen) / sum(len(block.inputs) for block in chosen)
    return {**prefix_shares(chosen), "read_twice": read}


def tiny_module(tokenizer: PreTrainedTokenizerBase, block_size: int, folder: Path) -> DistillationModule:
    """Return a module, ready to take steps without a fit."""
    torch.manual_seed(0)
    config = GPT2Config(n_layer=4, n_embd=256, n_head=4, n_positions=2 * block_size)
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    module = DistillationModule(
        TeacherConfig(str(folder)),
        student=StudentConfig(layers=[0, 3]),
        perturbation=PerturbationConfig("expmean", "reversed", "all"),
        names=True,
    )
    module.configure_model()
    module.trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    return module


def step_ratios(module: DistillationModule, blocks: list[Blocks], rounds: int) -> list[float]:
    """Return CPU seconds of a step with the mask over those without, on the same text, once for each round."""
    ratios = []
    for number in range(rounds + 1):
        seconds = []
        for kind in blocks:
            batch = collate([kind[number], kind[number + rounds + 1]])
            start = time.process_time()
            module.training_step(batch, 0).backward()
            seconds.append(time.process_time() - start)
            module.student.zero_grad()
        ratios.append(seconds[1] / seconds[0])
    # The first step allocates.
    return ratios[1:]


def main() -> None:
    """Print the results and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--block_size", type=int, default=1024)
    parser.add_argument("--blocks", type=int, default=400, help="of each text, spread evenly over it")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(DATA / "gpt2-tokenizer")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        module = tiny_module(tokenizer, options.block_size, folder / "model")
        for text, files in sources(folder).items():
            length, blocks = blocks_of(files, tokenizer, options.block_size, folder / "cache")
            ratios = step_ratios(module, blocks, options.rounds)
            for document_mask, kind in zip(WITHOUT_AND_WITH, blocks, strict=True):
                row = {"text": text, "document_mask": document_mask, "tokens_per_document": round(length, 1)}
                rows.append({**row, **shares(kind, options.blocks)})
                print(json.dumps(rows[-1]), flush=True)
            rows[-1] |= {"step_ratio": statistics.median(ratios), "step_ratios": [min(ratios), max(ratios)]}
            print(f"{text}: a step takes {rows[-1]['step_ratio']:.2f} × as long, {rows[-1]['step_ratios']}", flush=True)
    write_results("document_mask", vars(options), rows)


if __name__ == "__main__":
    main()
