"""The command `augment`: counterfactual role reversal of text and of corpora."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, get_args

from augment import __version__
from augment.corpus import OutputError, Summary, check_output, reverse_corpus, shard, write_corpus
from augment.documents import SUFFIXES, DocumentError, read_documents
from augment.english.lexicon import Lexicon, LexiconError
from augment.english.surface_forms import Direction
from augment.lexicon_explain import explain, overview
from augment.records import Reversal
from augment.reversal import RoleReverser
from augment.runtime.atomic_write import atomic_write
from augment.runtime.command_exit import command_context
from augment.runtime.locks import locked
from augment.runtime.stale_files import process_unique_prefix, remove_stale_files

if TYPE_CHECKING:
    import datasets

_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"


def main(argv: list[str] | None = None) -> None:
    """Run `augment` with these arguments (default: those of the process).

    `augment.runtime.command_exit` lists the exit statuses.
    """
    arguments = command_parser().parse_args(argv)
    # They would announce each of five attempts to reach the hub; what fails in the end is reported on one line.
    for library in ("HF_HUB", "DATASETS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")
    with command_context("augment", (DocumentError, LexiconError, OutputError), arguments.debug):
        arguments.run(arguments)


def command_parser() -> argparse.ArgumentParser:
    """The arguments of every command, with their help; the documentation lists them."""
    parser = argparse.ArgumentParser(
        prog="augment",
        description="Counterfactual role reversal of English text: “she lost her keys” becomes “he lost his keys”.\n"
        "Only binary gender is exchanged; singular “they” is left unchanged.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"augment {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    text = commands.add_parser(
        "text",
        help="reverse standard input, line by line",
        description="Reverse standard input, line by line, to standard output. Everything but the exchanged words,\n"
        "including line endings, is left unchanged.",
        epilog="examples:\n"
        '  echo "The nurse said she lost her keys." | augment text\n'
        "  augment text --names < lines.txt > reversed.txt\n"
        "  augment text --diff < lines.txt | less -R\n"
        "Each line is reversed by itself. For text with line breaks within sentences, such as most novels, use\n"
        "  augment corpus --input novel.txt --output reversed.txt",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_reversal_options(text)
    _add_debug(text)
    text.add_argument(
        "--diff",
        action="store_true",
        help="show only the lines that change, with their numbers, with removals [-like this-] and additions "
        "{+like this+}; in red and green on a terminal",
    )
    text.add_argument("--colour", "--color", action="store_true", help="use colours with --diff even in a pipe")
    text.set_defaults(run=_text)

    lexicon = commands.add_parser(
        "lexicon",
        help="show which words are exchanged, how, and why",
        description="Without words: list the pairs of the lexicon by group. With words: show how each is treated, and\n"
        "why.",
        epilog="examples:\n  augment lexicon\n  augment lexicon king her miss Mary pregnant\n"
        '  cp "$(augment lexicon --path)" mine.yaml',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    lexicon.add_argument("words", nargs="*", metavar="WORD")
    lexicon.add_argument("--lexicon", metavar="FILE.yaml", help="a lexicon that replaces the built-in one")
    lexicon.add_argument("--path", action="store_true", help="print the path of the lexicon, to copy and edit it")
    _add_debug(lexicon)
    lexicon.set_defaults(run=_show_lexicon)

    corpus = commands.add_parser(
        "corpus",
        help="reverse a whole corpus",
        description="Reverse every document of a corpus, on all cores. A document is a row of JSON lines, Parquet and\n"
        "hub datasets, a paragraph between blank lines of a text file, or an article of a file in WikiText's format.",
        epilog="examples:\n"
        "  augment corpus --input corpus.jsonl --field body --output reversed.parquet\n"
        "  augment corpus --input texts/ --output reversed --num_proc 4\n"
        "  augment corpus --input Skylion007/openwebtext --output openwebtext-reversed",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    corpus.add_argument(
        "--input",
        required=True,
        metavar="SRC",
        help=f"a file ({', '.join(SUFFIXES)}), a folder of such files, a folder written by datasets' save_to_disk, "
        "or the id of a dataset on the hub",
    )
    corpus.add_argument(
        "--output",
        required=True,
        metavar="DIR|FILE",
        help=".jsonl or .parquet: rows of text and counterfactual; .txt: the counterfactuals, with blank lines between "
        "them; no suffix: a folder for datasets' load_from_disk, which also contains the spans of the exchanged words. "
        "Written atomically; an existing file is replaced, an existing folder is not. A run that was killed continues "
        "when it is started again",
    )
    corpus.add_argument("--field", default="text", help="the column with the text (default: text)")
    _add_reversal_options(corpus)
    corpus.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="reverse only the I-th of N parts of the corpus, so that N machines can share it; give each its own "
        "--output",
    )
    corpus.add_argument(
        "--summary", type=Path, metavar="FILE.json", help="also write the counts that are printed at the end to a file"
    )
    corpus.add_argument(
        "--num_proc",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="number of processes (default: the number of cores)",
    )
    _add_debug(corpus)
    corpus.set_defaults(run=_corpus)
    return parser


def _add_reversal_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--names", action="store_true", help="also exchange common first names, each for the same other one throughout"
    )
    parser.add_argument(
        "--to",
        choices=get_args(Direction),
        default="swap",
        help="swap: exchange the genders (default); female, male: give everyone that gender",
    )
    parser.add_argument(
        "--lexicon",
        metavar="FILE.yaml",
        help="a lexicon that replaces the built-in one, or, with the line `extends: en`, adds to it",
    )


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _shard(value: str) -> tuple[int, int]:
    index, slash, number = value.partition("/")
    if not (slash and index.isdecimal() and number.isdecimal() and 1 <= int(index) <= int(number)):
        raise argparse.ArgumentTypeError(f"{value!r} is not I/N with I from 1 to N, such as 1/4")
    return int(index), int(number)


def _positive(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a positive integer")
    return int(value)


def _text(arguments: argparse.Namespace) -> None:
    if sys.stdin is None or sys.stdout is None:
        raise OutputError("standard input or output is closed; `augment text` needs both")
    reverser = RoleReverser(names=arguments.names, lexicon=Lexicon.load(arguments.lexicon), to=arguments.to)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    if arguments.diff:
        _write_diff(reverser, source, sink, coloured=arguments.colour or sys.stdout.isatty())
        return
    for line in source:
        sink.write(_encode(reverser.reverse(_decode(line)).counterfactual))
        if sys.stdout.isatty():
            sink.flush()


def _write_diff(reverser: RoleReverser, source: BinaryIO, sink: BinaryIO, coloured: bool) -> None:
    show = _in_colour if coloured else _in_brackets
    for number, line in enumerate(source, 1):
        reversal = reverser.reverse(_decode(line).rstrip("\r\n"))
        if reversal.swaps:
            sink.write(_encode(f"{number}: {_marked(reversal, show)}\n"))


def _marked(reversal: Reversal, show: Callable[[str, str], str]) -> str:
    text, counterfactual = reversal.text, reversal.counterfactual
    pieces = []
    position = 0
    for swap in reversal.swaps:
        pieces.append(text[position : swap.start])
        old = text[swap.start : swap.end]
        pieces.append(show(old, counterfactual[swap.counterfactual_start : swap.counterfactual_end]))
        position = swap.end
    return "".join([*pieces, text[position:]])


def _in_brackets(old: str, new: str) -> str:
    return f"[-{old}-]{{+{new}+}}"


def _in_colour(old: str, new: str) -> str:
    return f"{_RED}{old}{_PLAIN}{_GREEN}{new}{_PLAIN}"


# UTF-8 in every locale; bytes that are not UTF-8 pass through unchanged.
def _decode(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _encode(line: str) -> bytes:
    return line.encode("utf-8", "surrogateescape")


def _corpus(arguments: argparse.Namespace) -> None:
    output = check_output(arguments.output)
    if output.exists() and Path(arguments.input).exists() and output.samefile(arguments.input):
        raise OutputError(f"{output}: is also the input; choose another name")
    if (
        arguments.input
        and Path(arguments.input).is_dir()
        and Path(arguments.input).resolve() in output.resolve().parents
    ):
        raise OutputError(f"{output}: is inside the input, and would be read the next time; choose another folder")
    if arguments.summary is not None and (arguments.summary.is_dir() or not arguments.summary.parent.is_dir()):
        raise OutputError(f"{arguments.summary}: is a folder, or its folder does not exist; choose another name")
    if arguments.summary is not None:
        for what, path in (("input", arguments.input), ("output", output), ("lexicon", arguments.lexicon)):
            if path and arguments.summary.resolve() == Path(path).resolve():
                raise OutputError(f"{arguments.summary}: is also the {what}; choose another name for the summary")
    reverser = RoleReverser(names=arguments.names, lexicon=Lexicon.load(arguments.lexicon), to=arguments.to)
    remove_stale_files(Path(tempfile.gettempdir()), "augment-")
    with tempfile.TemporaryDirectory(prefix=process_unique_prefix("augment-")) as cache:
        documents = read_documents(arguments.input, field=arguments.field, cache_dir=cache)
        state = f"{_identity(documents)} {arguments.shard}"
        if arguments.shard is not None:
            documents = shard(documents, *arguments.shard)
        # Only now, so that an error above leaves no new folder.
        output.parent.mkdir(parents=True, exist_ok=True)
        with locked(output.with_name(f".{output.name}.lock"), lambda: _refuse(output)):
            summary = _write_reversed(documents, reverser, output, arguments.num_proc, state)
    if arguments.summary is not None:
        atomic_write(arguments.summary, lambda path: path.write_text(summary.to_json(), "utf-8"))
    for pair, count in summary.pairs.items():
        print(f"{count:>12,}  {pair}", file=sys.stderr)
    print(f"{output}: {summary}", file=sys.stderr)


def _refuse(output: Path) -> None:
    raise OutputError(f"{output}: another run is writing it; wait until it is done, or choose another name")


def _write_reversed(
    documents: "datasets.Dataset", reverser: RoleReverser, output: Path, num_proc: int, state: str
) -> Summary:
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        reversed_documents, summary = reverse_corpus(documents, reverser, unfinished, num_proc, state)
        write_corpus(reversed_documents, output)
    except Exception as error:
        # After a signal, here or in a worker process, the pieces are kept, and the next run continues with them.
        if not isinstance(error, EOFError):
            shutil.rmtree(unfinished, ignore_errors=True)
        raise
    shutil.rmtree(unfinished)
    return summary


def _identity(documents: "datasets.Dataset") -> str:
    # Local files are read into a new temporary folder in each run; their names there identify their content.
    names = sorted(Path(file["filename"]).name for file in documents.cache_files)
    return " ".join(names) if any(name.startswith("documents-") for name in names) else documents._fingerprint


def _show_lexicon(arguments: argparse.Namespace) -> None:
    if arguments.path:
        print(arguments.lexicon or resources.files("augment").joinpath("lexicons/en.yaml"))
        return
    lexicon = Lexicon.load(arguments.lexicon)
    lines = (line for word in arguments.words for line in explain(lexicon, word))
    print("\n".join(lines if arguments.words else overview(lexicon)))


if __name__ == "__main__":
    main()
