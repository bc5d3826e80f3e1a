"""How often English words occur, to distinguish tokens that are words from those that are mostly parts of words.

`word_counts.tsv` was counted in public-domain novels (Austen, C. Brontë, Eliot, Alcott, Tolstoy in Garnett's and the
Maudes' translations). To count again, from any text files, run
`python -m distill.perturbation.word_counts FILE … > word_counts.tsv`.
"""

import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("word_counts.tsv")
_RAREST = 25
"""Words that occur less often than this in ten million characters are too rare to matter."""


@cache
def read_word_counts() -> dict[str, int]:
    """Lower-case words and their counts, most frequent first."""
    rows = (line.split("\t") for line in _TABLE.read_text(encoding="utf-8").splitlines())
    return {word: int(count) for word, count in rows}


def count_words(paths: list[Path]) -> Counter[str]:
    """Count the lower-cased words of text files."""
    counts: Counter[str] = Counter()
    for path in paths:
        counts.update(re.findall(r"[a-z]+", path.read_text(encoding="utf-8").lower()))
    return counts


if __name__ == "__main__":
    for word, count in count_words([Path(argument) for argument in sys.argv[1:]]).most_common():
        if count >= _RAREST:
            print(f"{word}\t{count}")
