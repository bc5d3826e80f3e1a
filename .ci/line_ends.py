"""Mend the ends of lines and of files that are given: no blanks before a line break, and one line break at the end.

Exit status 1 if a file was changed, as pre-commit has it.
"""

import re
import sys
from pathlib import Path


def mended(text: bytes) -> bytes:
    """The text as it should be; an empty file stays empty."""
    lines = re.sub(rb"[ \t]+(?=\r?\n|\Z)", b"", text).rstrip(b"\r\n")
    return lines + b"\n" if lines else b""


if __name__ == "__main__":
    changed = False
    for path in map(Path, sys.argv[1:]):
        text = path.read_bytes()
        if mended(text) != text:
            path.write_bytes(mended(text))
            print(f"{path}: mended")
            changed = True
    sys.exit(changed)
