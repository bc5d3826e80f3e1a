"""How long does it take to reverse, tokenise and write text? At most a minute per 10 MB, with GPT-2's tokenizer.

    python benchmarks/packing.py [--megabytes 10] [--num_proc 2] [--rounds 3]

Needs ../shared/data (or $DISTILL_DATA): the novels, one document per paragraph, and GPT-2's tokenizer. Packing takes
turns with its lower bound, tokenising the text twice as one list with the tokenizer's own threads (`× tokenising` is
the ratio of the two). Times are the minimum over rounds, in wall-clock seconds and in CPU seconds; other processes
on the machine do not affect the latter. Writes results/packing.json.
"""

import argparse
import logging
import os
import re
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from measuring import write_results
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from augment import RoleReverser
from distill.data.packing import Corpus, pack

DATA = Path(os.environ.get("DISTILL_DATA", Path(__file__).parents[1] / "../shared/data"))
LIMIT_S_PER_MB = 6.0
Result = TypeVar("Result")


def novels(megabytes: float) -> list[str]:
    """Return the first megabytes of the novels, sorted by name, as paragraphs."""
    text = "\n\n".join(path.read_text("utf-8") for path in sorted((DATA / "novels").glob("*.txt")))
    taken = text.encode()[: round(megabytes * 1e6)].decode(errors="ignore")
    return re.split(r"\n\s*\n", taken)


def packed_tokens(file: Path, tokenizer: PreTrainedTokenizerBase, num_proc: int) -> int:
    """Pack into an empty cache and return the number of tokens."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # as `distill` does, which has worker processes of its own
    with tempfile.TemporaryDirectory() as cache:
        return pack(Corpus((str(file),)), RoleReverser(), tokenizer, num_proc, Path(cache)).tokens


def tokenise_twice(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> None:
    """Tokenise as much as a text and its reversal."""
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    for _ in range(2):
        tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)


def timed(run: Callable[[], Result]) -> tuple[float, float, Result]:
    """Return wall-clock seconds, CPU seconds including child processes, and the result."""
    clock, processors = time.perf_counter(), _processor_s()
    result = run()
    return time.perf_counter() - clock, _processor_s() - processors, result


def _processor_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Print the results and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("--num_proc", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not (DATA / "novels").is_dir():
        raise SystemExit(f"benchmarks/packing.py: no text at {DATA / 'novels'}: set DISTILL_DATA")
    logging.disable(logging.INFO)
    tokenizer = AutoTokenizer.from_pretrained(DATA / "gpt2-tokenizer")
    texts = novels(options.megabytes)
    packs, tokenisings = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "novels.txt"
        file.write_text("\n\n".join(texts), "utf-8")
        megabytes = file.stat().st_size / 1e6
        for _ in range(options.rounds):
            packs.append(timed(lambda: packed_tokens(file, tokenizer, options.num_proc)))
            tokenisings.append(timed(lambda: tokenise_twice(texts, tokenizer)))
    packing, tokenising = (
        [min(column) for column in list(zip(*rows, strict=True))[:2]] for rows in (packs, tokenisings)
    )
    tokens = packs[0][2]
    row = {
        "tokens": tokens,
        "seconds": packing[0],
        "processor seconds": packing[1],
        "seconds, tokenising alone": tokenising[0],
        "processor seconds, tokenising alone": tokenising[1],
        "× limit": packing[0] / megabytes / LIMIT_S_PER_MB,
        "× tokenising": packing[0] / tokenising[0],
        "× tokenising, processor seconds": packing[1] / tokenising[1],
    }
    print(
        f"{megabytes:.1f} MB, {tokens:,} tokens, on {options.num_proc} processes: {packing[0]:.1f} s "
        f"({packing[1]:.1f} s CPU time)\n{row['× limit']:.2f} × the limit, {row['× tokenising']:.2f} × "
        f"tokenising alone ({row['× tokenising, processor seconds']:.2f} × in CPU time)"
    )
    write_results("packing", {**vars(options), "documents": len(texts)}, [row])


if __name__ == "__main__":
    main()
