"""The reader of sentence pairs, in all its formats: either pairs, or a one-line error that names the file."""

import json
import random
import tempfile
from pathlib import Path

from distill.errors import UserError
from distill.evaluation.probes.sentence_pairs import read_pairs
from fuzz.damage import damaged
from fuzz.target import Target, check_line

_OWN = "".join(
    json.dumps({"more": f"The {word} said she left.", "less": f"The {word} said he left.", "group": word}) + "\n"
    for word in ("nurse", "clerk")
)
_WINOGENDER = "".join(
    json.dumps({"sentid": f"nurse.patient.0.{gender}.txt", "sentence": f"The nurse said {word} left."}) + "\n"
    for gender, word in (("male", "he"), ("female", "she"), ("neutral", "they"))
)
_TABLE = "less,more,group\nThe nurse said he left.,The nurse said she left.,nurse\n"
_LINES = "1 [The nurse] said [she] left .\n2 [The clerk] did n't say what [he] wanted .\n"
_KNOWN = r'"more" "less" "group" "sentid" "sentence" "tokens" null true 1 NaN 1e999 [] {} "" "\ud800" "\u0000" a,b,c'
_WORDS = (*_KNOWN.split(), "[" * 3000)


def pairs(draw: random.Random) -> tuple[str, bytes]:
    """The suffix and the content of a file."""
    suffix, valid = draw.choice(((".jsonl", _OWN), (".jsonl", _WINOGENDER), (".csv", _TABLE), (".txt", _LINES)))
    return suffix, damaged(draw, valid, _WORDS)


def check(case: tuple[str, bytes]) -> None:
    """Check that the file is read, or refused in one line."""
    suffix, content = case
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / f"pro{suffix}"
        path.write_bytes(content)
        twin = path.with_name(f"anti{suffix}")
        twin.write_text(_LINES, encoding="utf-8")
        try:
            read = read_pairs(str(path))
        except UserError as error:
            check_line(error, path, twin)
            return
    assert read
    for pair in read:
        assert pair.more.strip(), "no sentence is empty"
        assert pair.less.strip(), "no sentence is empty"
        for text in (pair.more, pair.less, pair.group or ""):
            text.encode()  # no unpaired surrogates, which tokenizers refuse


TARGET = Target("pairs", pairs, check, inputs=20_000)
