"""Kills at random moments of runs on two processes: what is written in the end is what a quiet run writes.

Minutes long, so not part of the suite; `make kills` runs it.
"""

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from distill.training.metrics_csv import SPEED

KILLS = int(os.environ.get("DISTILL_KILLS", "20"))


@pytest.fixture(scope="module")
def recipe(corpus, gpt2_folder, tmp_path_factory) -> Path:
    """Three epochs of some ten steps, with accumulation, dropout, validation and workers."""
    config = {
        "seed_everything": 7,
        "model": {
            "teacher": {"path": str(gpt2_folder)},
            "student": {"layers": [0, 2]},
            "perturbation": {"operator": "expmean", "vocabulary": "reversed", "contexts": "all"},
        },
        "data": {
            "train": str(corpus / "validation.jsonl"),
            "validation": str(corpus / "validation.jsonl"),
            "block_size": 32,
            "global_batch_size": 8,
            "micro_batch_size": 2,
            "augmentation": "substitute",
            "names": True,
            "num_proc": 2,
            "num_workers": 1,
        },
        "trainer": {
            "accelerator": "cpu",
            "devices": 2,
            "strategy": "ddp",
            "max_epochs": 3,
            "val_check_interval": 0.5,
            "limit_val_batches": 4,
            "log_every_n_steps": 1,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
        "checkpoint": {"every_n_train_steps": 4},
    }
    path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def start(recipe: Path, output: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "distill", "fit", f"--config={recipe}", f"--trainer.default_root_dir={output}",
        f"--data.cache_dir={output.with_name(output.name + '-cache')}", "--ckpt_path=last",
    ]  # fmt: skip
    log = output.with_name(output.name + ".log").open("a")
    return subprocess.Popen(
        command, stdout=log, stderr=log, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True
    )


def written(output: Path) -> dict[str, bytes]:
    """All that a run leaves, without what says how fast it was."""
    files = {str(path.relative_to(output)): path.read_bytes() for path in (output / "student").iterdir()}
    card = files["student/README.md"].decode().replace(output.name, "run")
    files["student/README.md"] = "\n".join(row for row in card.splitlines() if "throughput" not in row).encode()
    with (output / "metrics.csv").open(newline="") as file:
        rows = [{name: value for name, value in row.items() if name not in SPEED} for row in csv.DictReader(file)]
    return files | {"metrics.csv": repr(rows).encode()}


def kill_at_random(run: subprocess.Popen[str], output: Path, chance: random.Random, training_s: float) -> bool:
    """Kill all processes of a run; three times in four while it trains, else at any moment. False: it was quicker."""
    wait = chance.uniform(0, 10)
    if chance.random() < 0.75:
        before = _time_of(output / "metrics.csv")
        while run.poll() is None and _time_of(output / "metrics.csv") == before:
            time.sleep(0.01)
        wait = chance.uniform(0, training_s)
    try:
        run.wait(wait)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True


def _time_of(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


@pytest.mark.slow
def test_twenty_kills_change_nothing(recipe, tmp_path):
    quiet = tmp_path / "quiet"
    run = start(recipe, quiet)
    first = 0.0
    while run.poll() is None:
        first = first or (time.monotonic() if (quiet / "metrics.csv").exists() else 0.0)
        time.sleep(0.05)
    training_s = time.monotonic() - first
    assert run.returncode == 0, quiet.with_name("quiet.log").read_text()[-3000:]
    expected = written(quiet)

    chance = random.Random(0)
    kills = runs = 0
    while kills < KILLS:
        runs += 1
        output = tmp_path / f"run{runs}"
        while True:
            run = start(recipe, output)
            killed = kills < KILLS and kill_at_random(run, output, chance, training_s)
            if not killed:
                break
            kills += 1
            rows = len((output / "metrics.csv").read_text().splitlines()) if (output / "metrics.csv").exists() else 0
            print(f"kill {kills} in run {runs}, at {rows} rows of metrics.csv", flush=True)
        run.wait()
        assert run.returncode == 0, output.with_name(f"run{runs}.log").read_text()[-3000:]
        found = written(output)
        for name, content in expected.items():
            assert found[name] == content, f"{name} of run {runs}"
    print(f"{kills} kills in {runs} runs of {training_s:.0f} s of training: all students, cards and metrics the same")
