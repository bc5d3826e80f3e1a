"""`python -m fuzz [TARGET …]`: try random inputs and show the crashes; the exit status is 1 if there are any."""

import argparse
import importlib
import sys
import time

from fuzz.target import Target, fuzz

TARGETS = ("texts", "lexicons", "documents", "prompts", "pairs", "alignments", "configs")


def target(name: str) -> Target:
    """A target by its name; its module is imported only now, since some take long to import."""
    found = importlib.import_module(f"fuzz.{name}").TARGET
    assert isinstance(found, Target)
    return found


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", default=TARGETS, metavar="TARGET", help=f"any of {', '.join(TARGETS)}; default: all"
    )
    parser.add_argument("--inputs", type=int, help="inputs per target (default: those of a long run)")
    parser.add_argument("--first", type=int, default=0, help="number of the first input, to continue an earlier run")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="time limit per target")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    crashed = 0
    for name in arguments.targets:
        chosen = target(name)
        last = arguments.first + (arguments.inputs or chosen.inputs)
        began = time.monotonic()
        tried, crashes = fuzz(chosen, range(arguments.first, last), arguments.seed, arguments.seconds)
        for crash in crashes[:20]:
            print(f"{name} {crash.number}: {crash.shown}\n{crash.error}", file=sys.stderr)
        seconds = time.monotonic() - began
        print(
            f"{name}: {tried:,} inputs from number {arguments.first:,}, {len(crashes)} crashes, {seconds:.0f} s",
            flush=True,
        )
        crashed += len(crashes)
    sys.exit(1 if crashed else 0)


if __name__ == "__main__":
    main()
