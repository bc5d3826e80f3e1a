"""A good file made bad: words exchanged, lines doubled, dropped and moved, bytes flipped, the end cut off."""

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


def damaged(draw: random.Random, good: str, words: Sequence[str]) -> bytes:
    """`good` with a few damages; `words`: what its format knows, to stand in wrong places."""
    lines = good.split("\n")
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
