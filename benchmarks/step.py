"""A full training step: ours against TRL's, in tokens per second and peak memory.

    python benchmarks/step.py [--full]

The teacher has the shape of GPT-2 and the student half of its layers, both with random weights and without dropout. The
text is WikiText's validation split in $DISTILL_DATA or ../shared/data with GPT-2's tokenizer, or else the quickstart's
generated text. The contenders take turns, each turn in a process of its own:

    plain           distill fit, operator none
    counterfactual  distill fit, the equivariant teacher: a second pass for rows with a reversed word
    naive           all logits at once, gradients by autograd, AdamW: the obvious implementation
    trl             TRL's GKDTrainer (lmbda 0, beta 0): dense logits
    trl-huge-pages  the same with memory in huge pages, as the command `distill` sets on a CPU
    trl-chunked     the same trainer with the chunked divergence of TRL's DistillationTrainer: its step on given text
    adapter         as counterfactual, with a LoRA adapter of rank 8 in the student
    trl-adapter     as trl, with the same adapter by peft
    on-policy       as counterfactual; the student itself writes a batch of texts, beside one block of given text
    trl-on-policy   TRL's DistillationTrainer: as many prompts of 8 tokens, continued to the length of a block

All train in fp32 on a CPU and in bf16 on a GPU, clip gradients at 1, keep all activations, and minimise forward KL at
T = 1. Time is the fastest step after the first in any turn; on a CPU also in CPU time, which other processes on
the machine affect less. Memory is the peak above the weights of the two models; it includes gradients and optimiser
state. Of our steps, the share of the machine's own rate of matrix products is given: the operations of the products in
one more step, counted by torch, over the time of the fastest step, against the rate of one large product in the same
process. What is missing to 1 went into everything else. On a GPU, model FLOP utilisation (MFU) counts every product
that the algorithm needs, against --peak_tflops.
Writes results/step.json (step-gpu.json on a GPU).
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from measuring import in_own_process, write_results

PEERS = {
    "plain": "trl", "counterfactual": "trl", "naive": "trl", "trl-huge-pages": "trl", "trl-chunked": "trl",
    "adapter": "trl-adapter", "on-policy": "trl-on-policy",
}  # fmt: skip
"""Whom each contender is compared with."""
CONTENDERS = ("plain", "counterfactual", "naive", "trl", "trl-huge-pages", "trl-chunked", "adapter", "trl-adapter",
              "on-policy", "trl-on-policy")  # fmt: skip
VOCABULARY = 50_257
SHAPES = {"gpt2": {"layers": 12, "width": 768}, "smollm2": {"layers": 30, "width": 576}}
SIZES = {
    "block_size": "tokens per block",
    "batch_size": "blocks per step",
    "steps": "timed steps per turn",
    "turns": "turns of all contenders",
}
PRESETS = {"quick": (256, 4, 1, 1), "full": (1024, 4, 3, 2), "gpu": (1024, 16, 20, 2)}
SCRIPT = str(Path(__file__).with_name("contenders.py"))


def main() -> None:
    """Print the ratios and write the results."""
    options = _options()
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in options.contenders}
    with tempfile.TemporaryDirectory() as folder:
        text = in_own_process(SCRIPT, ["prepare", folder, options.shape, options.layers, options.width])["text"]
        for turn in range(options.turns):
            for name in options.contenders:
                run = in_own_process(SCRIPT, [name, folder, options.block_size, options.batch_size, options.steps])
                runs[name].append(run)
                print(f"turn {turn + 1}: {name}, {min(run['seconds']):.2f} s a step", file=sys.stderr, flush=True)
    rows = [_row(name, runs[name], options) for name in options.contenders]
    by_name = {row["contender"]: row for row in rows}
    for row in rows:
        if (peer := by_name.get(PEERS.get(row["contender"], ""))) is not None:
            row["peer"] = peer["contender"]
            for what in ("tokens_per_s", "tokens_per_processor_s", "peak_mib"):
                row[f"{what} / peer"] = row[what] / peer[what]
        print(_line(row))
    name = options.results or ("step-gpu" if torch.cuda.is_available() else "step")
    settings = {key: value for key, value in vars(options).items() if key != "results"}
    write_results(name, {**settings, "text": text}, rows)


def _row(name: str, runs: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    tokens = options.block_size * options.batch_size
    row = {
        "contender": name,
        "tokens_per_s": tokens / min(seconds for run in runs for seconds in run["seconds"]),
        "tokens_per_processor_s": tokens / min(seconds for run in runs for seconds in run["processor_seconds"]),
        "peak_mib": max(run["peak_mib"] for run in runs),
    }
    for share in ("rows_asked_twice", "reversed_positions"):
        if share in runs[0]:
            row[share] = runs[0][share]
    if "product_flops" in runs[0]:
        row["share_of_product_rate"] = max(
            run["product_flops"] / min(run["seconds"]) / run["product_flops_per_s"] for run in runs
        )
    if torch.cuda.is_available():
        flops = _flops(options, row.get("rows_asked_twice", 0.0), row.get("reversed_positions", 0.0))
        row["mfu"] = row["tokens_per_s"] * flops / (options.peak_tflops * 1e12)
    return row


def _flops(options: argparse.Namespace, rows_asked_twice: float, reversed_positions: float) -> float:
    """Return FLOPs per token: the teacher's forward pass, three times the student's, and the counterfactual pass."""
    # 12 D² weights per layer of GPT-2, 10.7 D² of SmolLM2 (a third as many keys and values, an MLP of 3 · 8/3 D²), each
    # multiplied and added once; attention covers half of the block on average, twice.
    weights = 12 if options.shape == "gpt2" else 2 + 2 / 3 + 8
    layer = 2 * weights * options.width**2 + 2 * options.block_size * options.width
    head = 2 * VOCABULARY * options.width
    teacher, student = options.layers * layer, -(-options.layers // 2) * layer
    return teacher + head + 3 * (student + head) + rows_asked_twice * teacher + reversed_positions * head


def _line(row: dict[str, Any]) -> str:
    parts = [f"{row['contender']:<15}{row['tokens_per_s']:>10,.0f} tokens/s{row['peak_mib']:>8,.0f} MiB"]
    if "peer" in row:
        speed, busy, memory = (row[f"{what} / peer"] for what in ("tokens_per_s", "tokens_per_processor_s", "peak_mib"))
        parts.append(f"{speed:.2f} × {row['peer']}'s speed ({busy:.2f} in CPU time), {memory:.2f} × its memory")
    if row.get("rows_asked_twice"):
        parts.append(
            f"{row['rows_asked_twice']:.0%} of rows with a second pass, {row['reversed_positions']:.0%} of positions"
        )
    if "share_of_product_rate" in row:
        parts.append(f"{row['share_of_product_rate']:.0%} of the rate of matrix products")
    if "mfu" in row:
        parts.append(f"MFU {row['mfu']:.0%}")
    return "; ".join(parts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="4,096 tokens per step in blocks of 1,024, two turns")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS, metavar="NAME")
    parser.add_argument("--shape", choices=SHAPES, default="gpt2", help="of both models (%(default)s)")
    parser.add_argument("--layers", type=int, help="of the teacher, if not as many as in the model of that shape")
    parser.add_argument("--width", type=int, help="of both models, if not as in the model of that shape")
    parser.add_argument("--results", type=Path, help="file for the results, instead of results/step.json")
    for name, what in SIZES.items():
        parser.add_argument(f"--{name}", type=int, help=what)
    parser.add_argument("--peak_tflops", type=float, default=989.0, help="of the GPU in bf16 (%(default)s: H100 SXM)")
    options = parser.parse_args()
    for name, size in SHAPES[options.shape].items():
        if getattr(options, name) is None:
            setattr(options, name, size)
    preset = PRESETS["gpu" if torch.cuda.is_available() else "full" if options.full else "quick"]
    for name, size in zip(SIZES, preset, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, size)
    return options


if __name__ == "__main__":
    main()
