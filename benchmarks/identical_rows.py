"""Do batch size and number of processes change continuations? Counts the rows that are identical, byte for byte.

    python benchmarks/identical_rows.py [--model FOLDER_OR_GGUF]

Evaluates one model in one precision, with batches of 1, 7 and 64 and with two processes, and compares the continuations
with those of batches of 1: rounding may flip a near-tie. Without --model: a random GPT-2, whose flat predictions have
the most near-ties. Writes results/identical_rows.json.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from measuring import write_results
from tiny_gpt2 import write_tiny_gpt2

RUNS = {
    "batches of 1": ["--batch_size=1"],
    "batches of 7": ["--batch_size=7"],
    "batches of 64": ["--batch_size=64"],
    "two processes": ["--trainer.devices=2"],
}


def continuations(model: str, output: Path, options: list[str]) -> pd.Series:
    """Run `distill evaluate` and return its continuations."""
    command = [sys.executable, "-m", "distill", "evaluate", "--model", model, "--output", str(output), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")
    rows = pd.read_parquet(output / "generations.parquet")
    return rows.set_index(["prompt_id", "sample"])["continuation"]


def main() -> None:
    """Print the results and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="folder, GGUF file or Hugging Face id")
    parser.add_argument("--preset", default="smoke")
    parser.add_argument("--max_new_tokens", type=int, default=32)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = options.model or str(write_tiny_gpt2(folder, layers=4, width=64, heads=4))
        same = [f"--preset={options.preset}", f"--max_new_tokens={options.max_new_tokens}", "--device=cpu"]
        first = None
        for number, (run, own) in enumerate(RUNS.items()):
            texts = continuations(model, folder / str(number), [*same, *own])
            first = texts if first is None else first
            rows.append({"run": run, "rows": len(texts), "identical": int((texts == first.loc[texts.index]).sum())})
            print(f"{run:>14}: {rows[-1]['identical']:,} of {len(texts):,} rows identical", flush=True)
    write_results("identical_rows", {**vars(options), "model": Path(model).name}, rows)


if __name__ == "__main__":
    main()
