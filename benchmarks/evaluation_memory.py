"""Does the memory of an evaluation stay flat as prompts are added? With a tiny model, each in its own process.

    python benchmarks/evaluation_memory.py [--prompts 10000 100000]

Prints the peak resident memory of `distill evaluate` for each number of prompts, and what each further prompt adds: the
prompt itself and its counts, regardless of the number of texts. Linux only. Writes results/evaluation_memory.json.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import transformers
from measuring import PeakMemory, in_own_process, write_results
from tiny_gpt2 import write_tiny_gpt2

from distill.evaluation.evaluate import evaluate

GROUPS = 50


def write_prompts(path: Path, count: int) -> None:
    """Write profession prompts and, one in ten, coherence prompts."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            row = {"group": f"nurse {number % GROUPS}", "prompt": f"The nurse of ward {number:,} said that"}
            if number % 10 == 0:
                gender = ("female", "male")[number // 10 % 2]
                row |= {"group": gender, "gender": gender}
            file.write(json.dumps(row) + "\n")


def measure(folder: Path, prompts: int, samples: int) -> None:
    """Print the peak memory of an evaluation, as JSON."""
    path = folder / f"prompts-{prompts}.jsonl"
    write_prompts(path, prompts)
    transformers.logging.set_verbosity_error()
    memory = PeakMemory()
    memory.restart()
    began = time.monotonic()
    evaluate(
        str(folder / "model"), folder / f"out-{prompts}-{samples}", "full", str(path), samples=samples,
        max_new_tokens=8, batch_size=512, device="cpu",
    )  # fmt: skip
    row = {"prompts": prompts, "samples": samples, "MiB": memory.mib(), "seconds": time.monotonic() - began}
    print(json.dumps(row))


def main() -> None:
    """Print the results and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--in_folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.in_folder:
        measure(arguments.in_folder, arguments.prompts[0], arguments.samples)
        return
    with tempfile.TemporaryDirectory() as name:
        write_tiny_gpt2(Path(name), layers=1, width=8, heads=1)
        rows = [
            in_own_process(__file__, ["--in_folder", name, "--prompts", count, "--samples", arguments.samples])
            for count in arguments.prompts
        ]
    for row in rows:
        print(f"{row['prompts']:>9,} prompts: {row['MiB']:7.1f} MiB above the start, {row['seconds']:.0f} s")
    each = (rows[-1]["MiB"] - rows[0]["MiB"]) * 2**20 / (rows[-1]["prompts"] - rows[0]["prompts"])
    print(f"{each:,.0f} bytes per additional prompt")
    write_results("evaluation_memory", {"samples": arguments.samples, "bytes a prompt": each}, rows)


if __name__ == "__main__":
    main()
