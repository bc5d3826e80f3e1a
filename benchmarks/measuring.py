"""Shared by the benchmarks: run each measurement in its own process, measure peak memory, and write results."""

import json
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).with_name("results")


class PeakMemory:
    """Peak memory since `restart`, above the memory in use at that time, in MiB.

    On a GPU this is the memory allocated by torch; on a CPU, the resident memory of the process, as Linux records it.
    """

    def restart(self) -> None:
        """Reset the peak and the reference value."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated() / 2**20
        else:
            Path("/proc/self/clear_refs").write_text("5")
            self._before = _resident("VmRSS")

    def mib(self) -> float:
        """Return the peak so far."""
        now = torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else _resident("VmHWM")
        return now - self._before


def _resident(what: str) -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(f"{what}:"))


def synchronize() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def in_own_process(script: str, arguments: Iterable[object]) -> dict[str, Any]:
    """Run `script arguments` and read the JSON of its last line.

    Raises:
        SystemExit: If the script fails; the message contains the end of its output.
    """
    command = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def write_results(name: str | Path, settings: dict[str, Any], rows: list[dict[str, Any]]) -> Path:
    """Write results/NAME.json, or the given path, with machine and versions, and print where it is."""
    packages = ("torch", "transformers", "pytorch-lightning", "trl")
    machine = {
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else _processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{package: version for package in packages if (version := _version(package))},
    }
    path = name if isinstance(name, Path) else RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "settings": settings, "rows": rows}, indent=1) + "\n")
    print(f"written to {path}", file=sys.stderr)
    return path


def _processor() -> str:
    models = (line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
