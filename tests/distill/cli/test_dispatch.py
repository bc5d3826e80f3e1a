"""The command `distill`: help, unknown commands, and errors on one line."""

import os
import signal
import subprocess
import sys

import pytest

from distill.cli.dispatch import main


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(capsys, arguments):
    main(arguments)
    shown = capsys.readouterr().out
    for command in ("fit", "validate", "test", "evaluate", "report", "preview", "quickstart"):
        assert f"\n  {command} " in shown


@pytest.mark.parametrize("command", ["fit", "validate", "test", "evaluate", "report", "preview", "quickstart"])
def test_every_command_has_its_help(capsys, command):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "--config" in capsys.readouterr().out


def test_help_of_a_fit_explains_the_recipes_settings(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for option in (
        "--model.teacher.gguf_file",
        "--model.student.layers",
        "--model.perturbation.operator",
        "--model.loss.lm_weight",
        "--model.optimizer.warmup_fraction",
        "--data.global_batch_size",
    ):
        assert option in shown
    assert "The teacher's layers that the student starts from" in shown
    assert "Blocks of an optimiser step, over all devices and accumulation" in shown


@pytest.mark.parametrize("command", ["validate", "test"])
def test_help_of_a_measurement_says_which_checkpoint_it_takes(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "by default the run's best checkpoint, or else its last" in shown
    assert "use the current weights" not in shown


def test_an_unknown_command_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["distil"])
    assert caught.value.code == 2
    assert "there is no command 'distil'" in capsys.readouterr().err


def test_a_report_of_nothing_is_one_line(capsys, tmp_path):
    with pytest.raises(SystemExit) as caught:
        main(["report", str(tmp_path), f"--output={tmp_path / 'report.html'}"])
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("distill report: error:")
    assert "\n" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_stops_early_ends_it_in_silence(unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "distill", "--help"]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=environment)
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_a_terminal_without_our_signs():
    done = subprocess.run(
        [sys.executable, "-m", "distill", "--help"],
        env=os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u2192" in done.stdout


def test_signs_that_a_terminal_obeys_are_not_passed_on(capsys):
    with pytest.raises(SystemExit):
        main(["report", "a\x1b[31mb", "--output=c.html"])
    assert "a�[31mb" in capsys.readouterr().err


HUB = """
import contextlib, logging
from {package}.cli import main
with contextlib.suppress(SystemExit):
    main({arguments})
import datasets, huggingface_hub
for name in ("huggingface_hub.utils._http", "datasets"):
    logging.getLogger(name).warning("Retrying")
    logging.getLogger(name).error("failed")
"""


@pytest.mark.parametrize(
    ("package", "arguments"), [("distill", ["report", "--help"]), ("augment", ["lexicon", "king"])]
)
def test_the_hubs_attempts_are_not_announced(package, arguments):
    code = HUB.format(package=package, arguments=arguments)
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_VERBOSITY")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.count("failed") >= 2
    assert "Retrying" not in done.stderr
