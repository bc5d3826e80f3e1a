"""The command `distill`."""

import io
import logging
import os
import select
import signal
import sys
import warnings
from importlib import import_module

from augment.runtime.command_exit import exit_on_broken_pipe
from augment.runtime.error_text import one_line
from distill import __version__
from distill.config import SettingError
from distill.errors import RunError, Stopped, UserError

_HELP = """usage: distill COMMAND [options]

Compress a causal language model into a smaller, fairer student, and measure its utility and its disparity.

  fit          train a student: text → role reversal → two teacher passes → perturbed target → student
  validate     the losses of a checkpoint on the validation text
  test         the same, logged as a test
  plan         how many texts an evaluation needs to show parity, before anything is generated
  evaluate     perplexity, generation, disparity and coherence of a model → metrics.json and two Parquet files
  word-table   the gender of words from word vectors, for evaluate's gender_max and gender_wavg
  report       evaluations side by side, with paired tests → report.html, tables, charts
  openings     sentences about occupations that break off where a gender is decided → training text
  preview      scores of the distillation target, before any student is trained → a table, preview.json
  quickstart   the whole pipeline on a small corpus with a known bias, in minutes

distill COMMAND --help lists the options of a command; --debug, with any command, shows the traceback of an error;
distill --version prints the version.
"""


COMMANDS = {
    "fit": "train",
    "validate": "train",
    "test": "train",
    "plan": "plan",
    "evaluate": "evaluate",
    "word-table": "word_table",
    "report": "report",
    "openings": "openings",
    "preview": "preview",
    "quickstart": "quickstart",
}
"""The module of this folder that runs each command. It is imported on demand: help and usage errors appear at once."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command.

    The exit status is 0 on success, 2 for a mistake in the user's input, 1 for any other failure, and 128 + n after
    signal n.

    Args:
        arguments: The command and its arguments; by default those of the process.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        # The terminal's encoding may lack characters that we print; a stream that was closed is None.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        _run(arguments or ["--help"])
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _stdout_is_closed():
            raise
        exit_on_broken_pipe()


def _stdout_is_closed() -> bool:
    """Whether the reader of our output has gone; other pipes may break, too."""
    output = select.poll()
    output.register(sys.stdout, 0)
    return bool(output.poll(0))


def _run(arguments: list[str]) -> None:
    command, *rest = arguments
    if command in ("-h", "--help"):
        print(_HELP, end="")
        return
    if command == "--version":
        print(f"distill {__version__}")
        return
    # Documents are reversed and tokenised in worker processes; threads in each of them would oversubscribe the cores.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # What transformers warns about when it loads a model, `distill.models` checks and reports on one line.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # They would announce each of five attempts to reach the hub; what fails in the end is reported on one line.
    for library in ("HF_HUB", "DATASETS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    # On a CPU torch allocates fresh memory for every large tensor, which takes a third of the time with huge pages,
    # where Linux offers them on request.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # Lightning 2.6 calls functions that torch 2.13 and jsonargparse 4.49 deprecate; users can do nothing about it.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    # It has its own handler, and would log every message twice.
    logging.getLogger("huggingface_hub").propagate = False
    debug = "--debug" in rest
    try:
        run_command(command, [argument for argument in rest if argument != "--debug"])
    except (Exception, KeyboardInterrupt, Stopped) as error:
        if debug or (isinstance(error, BrokenPipeError) and _stdout_is_closed()):
            raise
        sys.exit(_report_error(command, error))


def _report_error(command: str, error: BaseException) -> int:
    """Print an error on one line and return the exit status."""
    from augment.documents import DocumentError

    if isinstance(error, Stopped) and os.environ.get("LOCAL_RANK", "0") != "0":
        return 0  # the first process reports for all; Lightning would terminate it if another one failed
    message = str(error)
    if isinstance(error, (KeyboardInterrupt, Stopped)):
        status = 128 + getattr(error, "signal", signal.SIGINT)
        message = f"stopped {getattr(error, 'message', '')}"
    elif (
        isinstance(error, (UserError, SettingError, DocumentError))
        or type(error).__name__ == "MisconfigurationException"
    ):
        status, message = 2, f"error: {message}"
    elif isinstance(error, (OSError, RunError)):
        status, message = 1, f"failed: {message}"
    else:
        status, message = 1, f"failed: {type(error).__name__}: {message} (--debug shows where)"
    print(f"distill {command}: {one_line(message)}", file=sys.stderr)
    return status


def run_command(command: str, arguments: list[str]) -> None:
    """Run one command; its errors propagate.

    Args:
        command: A key of `COMMANDS`; for any other name the process exits with status 2.
        arguments: The arguments of the command.
    """
    if command not in COMMANDS:
        print(f"distill: error: there is no command {command!r}\n\n{_HELP}", end="", file=sys.stderr)
        sys.exit(2)
    import_module(f"distill.cli.{COMMANDS[command]}").run(command, arguments)
