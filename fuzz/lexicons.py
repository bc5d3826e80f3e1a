"""The lexicon reader: either a lexicon that reverses texts, or a one-line error that names the file."""

import random
import tempfile
from pathlib import Path

from augment import Lexicon, RoleReverser
from augment.english.lexicon import LexiconError
from fuzz.damage import damaged
from fuzz.target import Target, check_line
from fuzz.texts import check_record

_GROUPS = """language: en
groups:
  pronoun:
    - {male: he, female: she}
    - {male: his, female: her, when: {her: determiner}}
    - {male: him, female: her, direction: to_male}
    - {male: his, female: hers, direction: to_male}
  kinship:
    - {male: king, female: queen, plural: [kings, queens], vocabulary: false, cases: {king: [lower, title]}}
    - {male: father, female: mother, vocabulary: [lower]}
exclusions:
  - {phrase: king size, reason: a size of beds}
  - {phrase: Queen Mary, case: exact, tells: true, reason: a ship}
surnames: [king]
tells: [pregnant]
"""
_KNOWN = """
male female plural direction to_male to_female when cases vocabulary true false null ~ 1 1.5 .inf he she her his king
queen determiner title lower upper exact phrase reason tells surnames disabled groups language
exclusions [] {} - ? : & * ! !!python/name:os.system
"""
_WORDS = _KNOWN.split()
_TEXT = "She saw her king size bed; the Queen Mary, her father and him. PREGNANT kings' mothers."


def lexicon(draw: random.Random) -> bytes:
    """A small lexicon, damaged in a few places."""
    return damaged(draw, _GROUPS, _WORDS)


def check(content: bytes) -> None:
    """Check that the lexicon is read and reverses a text, or is refused in one line."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / "lexicon.yaml"
        path.write_bytes(content)
        try:
            read = Lexicon.load(path)
        except LexiconError as error:
            check_line(error, path)
            return
    check_record(RoleReverser(lexicon=read).reverse(_TEXT), _TEXT)


TARGET = Target("lexicons", lexicon, check, inputs=20_000)
