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
    trl-chunked     the same trainer with TRL's chunked divergence kernel

All train in fp32 on a CPU and in bf16 on a GPU, clip gradients at 1, keep all activations, and minimise forward KL at
T = 1. Time is the fastest step after the first in any turn; on a CPU also in CPU time, which other processes on
the machine affect less. Memory is the peak above the weights of the two models; it includes gradients and optimiser
state. On a GPU, model FLOP utilisation (MFU) counts every product that the algorithm needs, against --peak_tflops.
Writes results/step.json (step-gpu.json on a GPU).
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from measuring import in_own_process, write_results

CONTENDERS = ("plain", "counterfactual", "naive", "trl", "trl-huge-pages", "trl-chunked")
PEER = "trl"
VOCABULARY = 50_257
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
        text = in_own_process(SCRIPT, ["prepare", folder, options.layers, options.width])["text"]
        for turn in range(options.turns):
            for name in options.contenders:
                run = in_own_process(SCRIPT, [name, folder, options.block_size, options.batch_size, options.steps])
                runs[name].append(run)
                print(f"turn {turn + 1}: {name}, {min(run['seconds']):.2f} s a step", file=sys.stderr, flush=True)
    rows = [_row(name, runs[name], options) for name in options.contenders]
    peer = next((row for row in rows if row["contender"] == PEER), None)
    for row in rows:
        if peer is not None:
            row[f"tokens_per_s / {PEER}"] = row["tokens_per_s"] / peer["tokens_per_s"]
            row[f"tokens_per_processor_s / {PEER}"] = row["tokens_per_processor_s"] / peer["tokens_per_processor_s"]
            row[f"peak_mib / {PEER}"] = row["peak_mib"] / peer["peak_mib"]
        print(_line(row))
    write_results("step-gpu" if torch.cuda.is_available() else "step", {**vars(options), "text": text}, rows)


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
    if torch.cuda.is_available():
        flops = _flops(options, row.get("rows_asked_twice", 0.0), row.get("reversed_positions", 0.0))
        row["mfu"] = row["tokens_per_s"] * flops / (options.peak_tflops * 1e12)
    return row


def _flops(options: argparse.Namespace, rows_asked_twice: float, reversed_positions: float) -> float:
    """Return FLOPs per token: the teacher's forward pass, three times the student's, and the counterfactual pass."""
    # 12 D² weights per layer, each multiplied and added once; attention covers half of the block on average, twice.
    layer = 2 * 12 * options.width**2 + 2 * options.block_size * options.width
    head = 2 * VOCABULARY * options.width
    teacher, student = options.layers * layer, -(-options.layers // 2) * layer
    return teacher + head + 3 * (student + head) + rows_asked_twice * teacher + reversed_positions * head


def _line(row: dict[str, Any]) -> str:
    parts = [f"{row['contender']:<15}{row['tokens_per_s']:>10,.0f} tokens/s{row['peak_mib']:>8,.0f} MiB"]
    if f"peak_mib / {PEER}" in row:
        speed, busy, memory = (
            row[f"{what} / {PEER}"] for what in ("tokens_per_s", "tokens_per_processor_s", "peak_mib")
        )
        parts.append(f"{speed:.2f} × {PEER}'s speed ({busy:.2f} in CPU time), {memory:.2f} × its memory")
    if row.get("rows_asked_twice"):
        parts.append(
            f"{row['rows_asked_twice']:.0%} of rows with a second pass, {row['reversed_positions']:.0%} of positions"
        )
    if "mfu" in row:
        parts.append(f"MFU {row['mfu']:.0%}")
    return "; ".join(parts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="4,096 tokens per step in blocks of 1,024, two turns")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS, metavar="NAME")
    parser.add_argument("--layers", type=int, default=12, help="of the teacher (%(default)s)")
    parser.add_argument("--width", type=int, default=768, help="of both models (%(default)s)")
    for name, what in SIZES.items():
        parser.add_argument(f"--{name}", type=int, help=what)
    parser.add_argument("--peak_tflops", type=float, default=989.0, help="of the GPU in bf16 (%(default)s: H100 SXM)")
    options = parser.parse_args()
    preset = PRESETS["gpu" if torch.cuda.is_available() else "full" if options.full else "quick"]
    for name, size in zip(SIZES, preset, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, size)
    return options


if __name__ == "__main__":
    main()
