"""What tests of both packages share."""

import multiprocessing
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What an example takes hangs on the tests that run beside it, and on the machine.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

pytest_plugins = [
    "tests.fixtures.memory",
    "tests.fixtures.tiny_fits",
    "tests.fixtures.tiny_models",
    "tests.fixtures.warm_interpreter",
]


@pytest.fixture(autouse=True, scope="session")
def warm_forkserver() -> None:
    """There is one server in a process, and what it has imported is settled when it starts: all that anybody needs."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["distill.evaluation.evaluate", "distill.data.packing", "transformers.models.gpt2.modeling_gpt2"]
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this system lets us mount no small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> None:
    """A shell lets what it starts in the background ignore SIGINT, and the processes of the tests would too."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
