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

Compress a causal language model into a smaller, fairer student, and prove both halves of that sentence.

  fit          train a student: text → role reversal → teacher asked twice → perturbed target → student
  validate     the losses of a checkpoint on the validation text
  test         the same, once, at the end
  evaluate     perplexity, generation, disparity and coherence of a model → metrics.json, generations.parquet
  word-table   the gender of words from word vectors, for evaluate's gender_max and gender_wavg
  report       evaluations side by side, with paired tests → report.html, tables, charts
  preview      the target itself, scored before any student is trained → a table, preview.json
  quickstart   the whole path on a small corpus with a known bias, in minutes

distill COMMAND --help lists the options of each; --debug, with any of them, shows where an error came from;
distill --version tells which version this is.
"""


COMMANDS = {
    "fit": "train",
    "validate": "train",
    "test": "train",
    "evaluate": "evaluate",
    "word-table": "word_table",
    "report": "report",
    "preview": "preview",
    "quickstart": "quickstart",
}
"""The module of this folder that runs each: imported only then, so that help and mistakes come at once."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command.

    Exit status: 0 done, 2 a mistake in what the user gave, 1 a failure, 128 + n stopped by signal n.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        # A terminal may lack our signs; none at all where it was closed.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        _run(arguments or ["--help"])
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _is_unread():
            raise
        exit_on_broken_pipe()


def _is_unread() -> bool:
    """Whether nobody reads our output any more; other pipes break too."""
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
    # Documents are reversed and tokenised in processes of our own; threads below them would only fight.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # What transformers warns of when it loads a model, we check and say in one line.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # On a CPU torch takes fresh memory for every large tensor: in huge pages, where Linux offers them on request, that
    # costs a third.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # What Lightning 2.6 calls is deprecated in torch 2.13 and jsonargparse 4.49: nothing that our users could mend.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    # It has a handler of its own: once is enough.
    logging.getLogger("huggingface_hub").propagate = False
    debug = "--debug" in rest
    try:
        run_command(command, [argument for argument in rest if argument != "--debug"])
    except (Exception, KeyboardInterrupt, Stopped) as error:
        if debug or (isinstance(error, BrokenPipeError) and _is_unread()):
            raise
        sys.exit(_shown(command, error))


def _shown(command: str, error: BaseException) -> int:
    """Print an error as one line that says what to do, and return the exit status."""
    from augment.documents import DocumentError

    if isinstance(error, Stopped) and os.environ.get("LOCAL_RANK", "0") != "0":
        return 0  # the first process speaks for all, and must not be ended by Lightning because of this one
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
    """Run one command and let its errors through."""
    if command not in COMMANDS:
        print(f"distill: error: there is no command {command!r}\n\n{_HELP}", end="", file=sys.stderr)
        sys.exit(2)
    import_module(f"distill.cli.{COMMANDS[command]}").run(command, arguments)
