"""A run that is killed again and again, at any moment, ends with the bytes of one that was not."""

import json
import multiprocessing
import os
import random
import signal
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.fixtures.warm_interpreter import WarmInterpreter

KILLS = int(os.environ.get("DISTILL_KILLS", "5"))
"""Each costs two seconds."""


@pytest.fixture(scope="module")
def quick_start() -> ForkServerContext:
    """Processes that are forked from one which has imported everything: they are killed at work, not at imports."""
    return multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module")
def options(model_folder: Path, save_model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("killed")
    prompts, text = folder / "prompts.jsonl", folder / "text.jsonl"
    rows = [{"group": group, "prompt": f"The {group} {i}"} for group in ("nurse", "clerk") for i in range(40)]
    prompts.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    documents = [{"text": "The nurse said that she was tired. " * 30}] * 200
    text.write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")
    judge = save_model("judge", seed=3)
    return {
        "model": str(model_folder),
        "preset": "full",
        "prompts": str(prompts),
        "text": str(text),
        "reference": str(judge),
        "max_new_tokens": 16,
        "batch_size": 32,
    }


def _evaluate(output: Path, options: dict[str, object]) -> None:
    import torch

    from distill.evaluation.evaluate import evaluate
    from distill.evaluation.likelihood import text_perplexity as text

    torch.set_num_threads(1)
    text._PIECE = 20_000
    evaluate(output=output, **options)


def _files(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir()}


@pytest.mark.slow
def test_kills_at_any_moment_change_no_byte(
    quick_start: ForkServerContext, options: dict[str, object], tmp_path: Path
) -> None:
    def start(output: Path) -> multiprocessing.Process:
        process = quick_start.Process(target=_evaluate, args=(output, options))
        process.start()
        return process

    start(tmp_path / "warm").join()
    started = time.perf_counter()
    start(tmp_path / "whole").join()
    duration = time.perf_counter() - started
    expected = _files(tmp_path / "whole")
    assert sorted(expected) == ["generations.parquet", "metrics.json", "nlls.parquet"]

    rng, killed, finished = random.Random(0), 0, 0
    while killed < KILLS:
        output = tmp_path / f"killed-{finished}"
        process = start(output)
        process.join(rng.uniform(0, duration))
        if process.exitcode is None:
            process.kill()
            process.join()
            killed += 1
        else:
            assert process.exitcode == 0
            assert _files(output) == expected
            finished += 1
    process = start(output)
    process.join()
    assert process.exitcode == 0
    assert _files(output) == expected
    print(f"{killed} kills, {finished + 1} runs that ended with the same bytes")


@pytest.mark.parametrize(("number", "status", "devices"), [(signal.SIGINT, 130, 1), (signal.SIGTERM, 143, 2)])
def test_a_stopped_command_goes_on(
    options: dict[str, object], tmp_path: Path, warm: WarmInterpreter, number: signal.Signals, status: int, devices: int
) -> None:
    """Of the command as a user stops it: nothing is left running, nothing half-written, and the next run continues."""
    output = tmp_path / "out"
    arguments = [f"--{name}={value}" for name, value in options.items()]
    command = warm.start("distill", "evaluate", *arguments, f"--output={output}", f"--trainer.devices={devices}")
    deadline = time.monotonic() + 240
    while not list(output.glob("unfinished/generations-*/batch-*.json")):
        assert command.wait(0.02) is None, command.stderr.read_text()
        assert time.monotonic() < deadline
    os.killpg(command.pid, number)
    assert command.wait(60) == status
    said = command.stderr.read_text()
    assert "stopped before the evaluation was complete; the same command continues" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert "leaked" not in said
    assert [path.name for path in output.iterdir()] == ["unfinished"]
    with pytest.raises(ProcessLookupError):
        _wait_for_group(command.pid)


def _wait_for_group(group: int) -> None:
    for _ in range(200):
        os.killpg(group, 0)
        time.sleep(0.05)
