"""The fused loss against a naive one, side by side: time, peak memory, gradient error, as ratios.

    python benchmarks/loss.py

Each measurement runs in a process of its own, so that its peak memory is its own. GPT-2's vocabulary; sizes that end in
minutes on a CPU. Writes benchmarks/results/loss.json with machine and versions.
"""

import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional

from distill.losses import distillation_loss

WIDTH, VOCABULARY = 768, 50_257
TOKENS = (1024, 4096)
RESULTS = Path(__file__).with_name("results")


def naive(student_hidden, student_weight, teacher_hidden, teacher_weight, labels):
    """All logits at once, the gradient by autograd; cross-entropy and divergence half each."""
    logits = student_hidden @ student_weight.T
    log_p = (teacher_hidden @ teacher_weight.T).log_softmax(-1)
    kd = functional.kl_div(logits.log_softmax(-1), log_p, reduction="batchmean", log_target=True)
    return 0.5 * kd + 0.5 * functional.cross_entropy(logits, labels)


def fused(student_hidden, student_weight, teacher_hidden, teacher_weight, labels):
    """Ours, the same terms."""
    return distillation_loss(
        student_hidden,
        student_weight,
        teacher_hidden,
        teacher_weight,
        labels,
        kd_weight=0.5,
        lm_weight=0.5,
        chunk_size=512,
    ).total


def measure(name: str, tokens: int) -> dict[str, float]:
    """Seconds, peak MiB above the inputs', and the norm of the gradients of one forward and backward pass."""
    torch.manual_seed(0)
    student_hidden = torch.randn(tokens, WIDTH, requires_grad=True)
    student_weight = (torch.randn(VOCABULARY, WIDTH) * 0.05).requires_grad_()
    teacher_hidden, teacher_weight = torch.randn(tokens, WIDTH), torch.randn(VOCABULARY, WIDTH) * 0.05
    labels = torch.randint(VOCABULARY, (tokens,))
    inputs = (student_hidden, student_weight, teacher_hidden, teacher_weight, labels)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    loss = {"naive": naive, "fused": fused}[name](*inputs)
    loss.backward()
    seconds = time.perf_counter() - started
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {
        "seconds": seconds,
        "peak_mib": peak,
        "loss": loss.item(),
        "gradient_norm": (student_hidden.grad.norm() + student_weight.grad.norm()).item(),
    }


def main() -> None:
    """Print the ratios and write them down."""
    rows = []
    for tokens in TOKENS:
        results = {}
        for name in ("naive", "fused"):
            command = [sys.executable, __file__, name, str(tokens)]
            results[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        ratios = {key: results["fused"][key] / results["naive"][key] for key in results["naive"]}
        rows.append({"tokens": tokens, **results, "fused / naive": ratios})
        print(
            f"{tokens:>6} tokens: time {ratios['seconds']:.2f} × naive, memory {ratios['peak_mib']:.2f} × naive, "
            f"gradient norm {ratios['gradient_norm']:.6f} × naive",
            flush=True,
        )
    RESULTS.mkdir(exist_ok=True)
    machine = {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads(),
               "torch": torch.__version__, "python": platform.python_version()}  # fmt: skip
    (RESULTS / "loss.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
