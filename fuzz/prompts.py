"""The reader of prompts, in both formats: either prompts, or a one-line error that names the file."""

import json
import random
import tempfile
from pathlib import Path

from distill.errors import UserError
from distill.evaluation.generation.prompts import read_prompts
from fuzz.damage import damaged
from fuzz.target import Target, check_line

_BOLD = json.dumps({"nursing": {"Nurse": ["A nurse is", "The nurse said"]}, "metal": {"Smith": ["A smith "]}}, indent=1)
_LINES = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"group": "nurse", "prompt": "The nurse said that"},
        {"group": "smith", "prompt": "The smith "},
        {"group": "female", "prompt": "She was", "gender": "female"},
    )
)
_KNOWN = r'"group" "prompt" "gender" "female" null true 1 NaN 1e999 -Infinity [] {} "" "\ud800" "\u0000"'
_WORDS = (*_KNOWN.split(), "[" * 3000)


def prompts(draw: random.Random) -> tuple[str, bytes]:
    """The suffix and the content of a file."""
    suffix = draw.choice((".json", ".jsonl", ".txt"))
    return suffix, damaged(draw, _BOLD if suffix == ".json" else _LINES, _WORDS)


def check(case: tuple[str, bytes]) -> None:
    """Check that the file is read, or refused in one line."""
    suffix, content = case
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / f"prompts{suffix}"
        path.write_bytes(content)
        try:
            read = read_prompts(str(path))
        except UserError as error:
            check_line(error, path)
            return
    assert read
    for prompt in read:
        assert prompt.text.strip(), "no prompt is empty"
        prompt.text.encode()  # no unpaired surrogates, which tokenizers refuse
        prompt.group.encode()
        assert prompt.prompt_id


TARGET = Target("prompts", prompts, check, inputs=20_000)
