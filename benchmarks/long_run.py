"""Do memory and open files stay flat over a long run? Monitors a fit of tiny models from outside.

    python benchmarks/long_run.py [--steps 2000]

The fit has validation, checkpoints and a worker that prepares batches. For the time after the first quarter, in which
caches fill, it prints the slope of resident memory (process and workers) per 1,000 steps, the minimum and maximum
number of open files, and the bytes of metrics.csv per logged step. Linux only. Writes results/long_run.json.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml
from measuring import write_results
from tiny_gpt2 import write_tiny_gpt2

LOGGED = 10
"""Steps between two rows of metrics.csv."""


def write_recipe(folder: Path, steps: int) -> Path:
    """Write a corpus, a random teacher of four layers, and a recipe for them."""
    teacher = write_tiny_gpt2(folder, layers=4, width=16, heads=2)
    recipe = {
        "model": {
            "teacher": {"path": str(teacher)},
            "student": {"layers": [0, 2]},
            "perturbation": {"operator": "expmean", "vocabulary": "reversed", "contexts": "all"},
        },
        "data": {
            "train": str(folder / "train.jsonl"), "validation": str(folder / "validation.jsonl"),
            "block_size": 32, "global_batch_size": 4, "micro_batch_size": 4, "num_proc": 1, "num_workers": 1,
            "names": True, "cache_dir": str(folder / "cache"),
        },
        "trainer": {
            "accelerator": "cpu", "max_steps": steps, "val_check_interval": 100, "check_val_every_n_epoch": None,
            "limit_val_batches": 4, "log_every_n_steps": LOGGED, "enable_progress_bar": False,
            "default_root_dir": str(folder / "run"),
        },
        "checkpoint": {"every_n_train_steps": 100},
    }  # fmt: skip
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def watch(fit: subprocess.Popen[bytes], metrics: Path) -> np.ndarray:
    """Sample (step, resident MiB, open files) twice a second until the fit ends, `[samples, 3]`."""
    samples = []
    while fit.poll() is None:
        if metrics.is_file():
            rows = metrics.read_text().splitlines()
            step = max((int(row.split(",")[0]) for row in rows[1:] if row.split(",")[0].isdigit()), default=0)
            try:
                samples.append((step, *_resident_and_open(fit.pid)))
            except (FileNotFoundError, ProcessLookupError, StopIteration):  # the process is ending
                break
        time.sleep(0.5)
    fit.wait()
    return np.array(samples, dtype=float)


def _resident_and_open(pid: int) -> tuple[float, int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    resident = 0.0
    for process in (str(pid), *children):
        status = Path(f"/proc/{process}/status").read_text().splitlines()
        resident += next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS:"))
    return resident, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def main() -> None:
    """Print the results and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = write_recipe(folder, steps)
        log = folder / "log"
        with log.open("wb") as file:
            command = [sys.executable, "-m", "distill", "fit", f"--config={recipe}"]
            fit = subprocess.Popen(command, stdout=file, stderr=file)
            samples = watch(fit, folder / "run" / "metrics.csv")
        if fit.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{log.read_text()[-2000:]}")
        logged_bytes = (folder / "run" / "metrics.csv").stat().st_size / (steps / LOGGED)
        said_bytes = log.stat().st_size
    # At the end, workers exit and the student is written.
    settled = samples[(samples[:, 0] >= steps / 4) & (samples[:, 0] < steps - 2 * LOGGED)]
    slope = np.polyfit(settled[:, 0], settled[:, 1], 1)[0] * 1000
    row = {
        "samples": len(settled),
        "MiB per 1,000 steps": slope,
        "resident MiB, median": float(np.median(settled[:, 1])),
        "open files, least": int(settled[:, 2].min()),
        "open files, most": int(settled[:, 2].max()),
        "bytes of metrics.csv a logged step": logged_bytes,
        "bytes of output": said_bytes,
    }
    for key, value in row.items():
        print(f"{key:>36} {value:,.2f}")
    write_results("long_run", {"steps": steps}, [row])


if __name__ == "__main__":
    main()
