"""Damages a valid file: words replaced, lines repeated, dropped and indented, bytes inserted, the end cut off."""

import random
from collections.abc import Sequence

_BYTES = (
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\r",
    b"\n",
    b"\t",
    b'"',
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"#",
)


def damaged(draw: random.Random, valid: str, words: Sequence[str]) -> bytes:
    """Damage a file in a few places.

    Args:
        draw: The source of randomness.
        valid: The content of a valid file.
        words: Words of its format, to be put in the wrong places.
    """
    lines = valid.split("\n")
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(lines))
        match draw.randrange(5):
            case 0:
                del lines[at]
                lines = lines or [""]
            case 1:
                lines.insert(draw.randrange(len(lines) + 1), lines[at])
            case 2:
                lines[at] = " " * draw.randrange(8) + lines[at].lstrip()
            case _:
                pieces = lines[at].split(" ")
                pieces[draw.randrange(len(pieces))] = draw.choice(words)
                lines[at] = " ".join(pieces)
    content = "\n".join(lines).encode()
    for _ in range(draw.choice((0, 0, 1, 3))):
        at = draw.randrange(len(content) + 1)
        content = content[:at] + draw.choice(_BYTES) * draw.choice((1, 1, 1, 50)) + content[at + draw.randrange(2) :]
    return content[: draw.randrange(len(content) + 1)] if draw.random() < 0.1 else content
