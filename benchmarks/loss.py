"""The fused loss against the naive one and TRL's chunked kernel: time, peak memory, gradient error, side by side.

    python benchmarks/loss.py [--full]

Forward and backward pass of half forward KL and half cross-entropy, at GPT-2's width; TRL's kernel has forward KL only.
The contenders take turns, each turn in a process of its own. Time is the fastest pass after the first, memory the peak
of the first pass above its inputs, error the norm of the difference to the gradients of a float64 oracle, relative to
their norm. Inputs are fp32 on a CPU and bf16 on a GPU. --chunks sweeps the chunk size of the fused loss.
Where Liger is installed, its chunked loss takes part, too. Writes results/loss.json and, as a plot of memory over
tokens, results/loss.svg (…-gpu on a GPU).
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from measuring import RESULTS, PeakMemory, in_own_process, synchronize, write_results
from torch import Tensor
from torch.nn import functional

from distill.losses.objective import distillation_loss

WIDTH = 768
ON_GPU = torch.cuda.is_available()
CONTENDERS = ("fused", "naive", "trl-chunked", *(("liger",) if find_spec("liger_kernel") else ()))
SIZES = {"quick": [512, 1024, 2048], "full": [1024, 2048, 4096, 8192], "gpu": [4096, 8192, 16384, 32768]}
SUFFIX = "-gpu" if ON_GPU else ""


class Inputs(NamedTuple):
    """`[N, D]` hidden states, `[V, D]` weights of the heads, `[N]` labels."""

    student_hidden: Tensor
    student_weight: Tensor
    teacher_hidden: Tensor
    teacher_weight: Tensor
    labels: Tensor


def naive(inputs: Inputs) -> Tensor:
    """All logits at once, with gradients by autograd."""
    logits = (inputs.student_hidden @ inputs.student_weight.T).float()
    log_p = (inputs.teacher_hidden @ inputs.teacher_weight.T).float().log_softmax(-1)
    kd = functional.kl_div(logits.log_softmax(-1), log_p, reduction="batchmean", log_target=True)
    return 0.5 * kd + 0.5 * functional.cross_entropy(logits, inputs.labels)


def fused(inputs: Inputs, chunk_size: int | None, compiled: bool) -> Tensor:
    """Our loss, with the same terms."""
    return distillation_loss(*inputs, kd_weight=0.5, lm_weight=0.5, chunk_size=chunk_size, compiled=compiled).total


def trl_chunked(inputs: Inputs) -> Tensor:
    """TRL's kernel, with forward KL only."""
    from trl.kernels.chunked_divergence import ChunkedDivergenceFunction

    *tensors, _ = inputs
    student_hidden, student_weight, teacher_hidden, teacher_weight = tensors
    return ChunkedDivergenceFunction.apply(
        student_hidden, student_weight, None, teacher_hidden, teacher_weight, None, 0.0
    )[0].mean()


def liger(inputs: Inputs) -> Tensor:
    """Liger's loss over chunks, with the same terms (its divergence with beta 0 is forward KL)."""
    from liger_kernel.chunked_loss import LigerFusedLinearJSDLoss

    student_hidden, student_weight, teacher_hidden, teacher_weight, labels = inputs
    loss = LigerFusedLinearJSDLoss(beta=0.0, compiled=ON_GPU)
    return loss(student_hidden, student_weight, teacher_hidden, teacher_weight, labels)


def measure(
    name: str, tokens: int, vocabulary: int, chunk_size: int, repeats: int, error: bool, compiled: bool
) -> dict[str, float]:
    """Measure the time and memory of one contender, and optionally its error."""
    inputs = _inputs(tokens, vocabulary)
    memory, seconds = PeakMemory(), []
    memory.restart()
    result: dict[str, float] = {}
    for repeat in range(repeats + 1):
        inputs.student_hidden.grad = inputs.student_weight.grad = None
        started = time.perf_counter(), time.process_time()
        loss = fused(inputs, chunk_size or None, compiled) if name == "fused" else CALLS[name](inputs)
        loss.backward()
        synchronize()
        seconds.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        if repeat == 0:
            result["peak_mib"] = memory.mib()
    result["seconds"], result["processor_seconds"] = (min(kind) for kind in zip(*seconds[1:], strict=True))
    if error:
        result["gradient_error"] = _gradient_error(inputs)
    return result


CALLS = {"naive": naive, "trl-chunked": trl_chunked, "liger": liger}


def _inputs(tokens: int, vocabulary: int) -> Inputs:
    torch.manual_seed(0)
    device, dtype = ("cuda", torch.bfloat16) if ON_GPU else ("cpu", torch.float32)

    def normal(rows: int, scale: float = 1.0) -> Tensor:
        return torch.randn(rows, WIDTH, device=device).mul_(scale).to(dtype)

    return Inputs(
        normal(tokens).requires_grad_(),
        normal(vocabulary, 0.05).requires_grad_(),
        normal(tokens),
        normal(vocabulary, 0.05),
        torch.randint(vocabulary, (tokens,), device=device),
    )


def _gradient_error(inputs: Inputs) -> float:
    """Return the relative error of both gradients; the oracle is the naive loss in float64, some rows at a time."""
    exact = [tensor.detach().double() for tensor in inputs[:4]]
    student_hidden, student_weight = (tensor.requires_grad_() for tensor in exact[:2])
    for rows in torch.arange(len(inputs.labels), device=inputs.labels.device).split(128):
        logits = student_hidden[rows] @ student_weight.T
        log_p = (exact[2][rows] @ exact[3].T).log_softmax(-1)
        kd = functional.kl_div(logits.log_softmax(-1), log_p, reduction="sum", log_target=True)
        lm = functional.cross_entropy(logits, inputs.labels[rows], reduction="sum")
        ((0.5 * kd + 0.5 * lm) / len(inputs.labels)).backward()
    squares = [(0.0, 0.0)]
    for tensor, oracle in ((inputs.student_hidden, student_hidden), (inputs.student_weight, student_weight)):
        difference = tensor.grad.double() - oracle.grad
        squares.append((difference.square().sum().item(), oracle.grad.square().sum().item()))
    errors, norms = (sum(values) for values in zip(*squares, strict=True))
    return (errors / norms) ** 0.5


def main() -> None:
    """Print the ratios and write the results."""
    options = _options()
    best: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
    for turn, tokens, vocabulary in product(range(options.turns), options.tokens, options.vocabularies):
        cases = [("fused", chunk) for chunk in options.chunks] + [(name, 0) for name in CONTENDERS[1:]]
        for name, chunk in cases:
            error = turn == 0 and name != "trl-chunked" and (ON_GPU or tokens <= options.error_tokens)
            arguments = ["measure", name, tokens, vocabulary, chunk, options.repeats, int(error), int(options.compile)]
            for key, value in in_own_process(__file__, arguments).items():
                known = best[tokens, vocabulary, name, chunk]
                known[key] = min(value, known.get(key, value))
    rows = []
    for (tokens, vocabulary, name, chunk), values in best.items():
        reference = best[tokens, vocabulary, "naive", 0]
        ratios = {
            f"{key} / naive": values[key] / reference[key] for key in ("seconds", "processor_seconds", "peak_mib")
        }
        rows.append(
            {"tokens": tokens, "vocabulary": vocabulary, "loss": name, "chunk_size": chunk or None, **values, **ratios}
        )
        print(_line(rows[-1]))
    settings = {key: value for key, value in vars(options).items() if key != "results"}
    write_results(options.results or f"loss{SUFFIX}", settings, rows)
    if options.results is None:
        plot(rows)


def _line(row: dict[str, Any]) -> str:
    name = row["loss"] + (f", chunks of {row['chunk_size']}" if row["chunk_size"] else "")
    error = f", gradient off by {row['gradient_error']:.1e}" if "gradient_error" in row else ""
    return (
        f"{row['tokens']:>6} tokens × {row['vocabulary']:>7}: {name:<24}{row['seconds']:>8.3f} s "
        f"({row['seconds / naive']:.2f} × naive; {row['processor_seconds / naive']:.2f} in CPU time)"
        f"{row['peak_mib']:>8,.0f} MiB ({row['peak_mib / naive']:.2f} × naive){error}"
    )


def plot(rows: list[dict[str, Any]]) -> None:
    """Plot memory over tokens, for the first vocabulary and the default chunk size."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    vocabulary = rows[0]["vocabulary"]
    for name in CONTENDERS:
        points = [
            (row["tokens"], row["peak_mib"])
            for row in rows
            if (row["vocabulary"], row["loss"]) == (vocabulary, name) and row["chunk_size"] == rows[0]["chunk_size"]
        ]
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
    tokens = sorted({row["tokens"] for row in rows})
    item = 2 if ON_GPU else 4
    axes.plot(tokens, [WIDTH * item * count / 2**20 for count in tokens], "k:", label="gradient of the hidden states")
    axes.set(xlabel="tokens", ylabel="peak memory above the inputs, MiB", title=f"The loss alone, V = {vocabulary:,}")
    axes.set_xscale("log", base=2)
    axes.set_xticks(tokens, [f"{count:,}" for count in tokens])
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(RESULTS / f"loss{SUFFIX}.svg", metadata={"Date": None})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help=f"tokens: {SIZES['full']} instead of {SIZES['quick']}")
    sizes = SIZES["gpu" if ON_GPU else "full" if "--full" in sys.argv else "quick"]
    parser.add_argument("--tokens", type=int, nargs="+", default=sizes)
    parser.add_argument("--vocabularies", type=int, nargs="+", default=[50_257])
    parser.add_argument(
        "--chunks", type=int, nargs="+", default=[0, 1024, 2048, 4096, 8192] if ON_GPU else [0],
        help="chunk sizes of the fused loss; 0 for its own choice",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=10 if ON_GPU else 1, help="timed passes per turn (%(default)s)")
    parser.add_argument("--turns", type=int, default=2 if ON_GPU or "--full" in sys.argv else 1, help="(%(default)s)")
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=ON_GPU, help="the body of a chunk (%(default)s)"
    )
    parser.add_argument("--results", type=Path, help="file for the results, instead of results/loss.json")
    parser.add_argument("--error_tokens", type=int, default=1024, help="largest size with an oracle on a CPU")
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        name, *numbers = sys.argv[2:]
        print(json.dumps(measure(name, *map(int, numbers))))
    else:
        main()
