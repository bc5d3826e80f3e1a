"""A report that is killed, or stopped, while it is written: the older one stays whole, and the next one is written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from distill.report.command import report
from tests.synthetic_evaluations import generations, metrics, write

STOPPED = """
import os, sys
from pathlib import Path
from distill.cli.dispatch import main

replace = Path.replace

def stopped(self, target):
    os.kill(os.getpid(), int(sys.argv[1]))
    return replace(self, target)

Path.replace = stopped
main(["report", sys.argv[2], f"--output={sys.argv[3]}"])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_report_leaves_the_older_one(tmp_path: Path, number: signal.Signals) -> None:
    rows = generations({"nurse": 0.5, "clerk": 0.2}, prompts=2, samples=2)
    folder, output = write(tmp_path / "model", rows, metrics(rows, "model")), tmp_path / "report.html"
    output.write_text("an older one")
    command = [sys.executable, "-c", STOPPED, str(int(number)), folder, output]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in done.stderr
    assert output.read_text() == "an older one"
    report([folder], output)
    assert output.read_text().startswith("<!")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "report.html"]
