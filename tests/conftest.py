"""What tests of both packages share."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.fixtures.memory",
    "tests.fixtures.tiny_fits",
    "tests.fixtures.tiny_models",
    "tests.fixtures.warm_interpreter",
]


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
