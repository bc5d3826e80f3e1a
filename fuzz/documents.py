"""The readers of documents (text, JSON lines, gzip and Parquet): either documents, or a one-line error."""

import gzip
import io
import json
import random
import tempfile
from functools import cache
from pathlib import Path

from augment.documents import DocumentError, read_documents
from fuzz.damage import damaged
from fuzz.target import Target, check_line

_ROWS = "".join(
    json.dumps({"text": text, "id": number}) + "\n" for number, text in enumerate(("She left.", "", "é😀", "a\n\nb"))
)
_TEXT = " = Title = \n \n She left .\n \n = 5 = \n\nHe stayed.\r\n\r\nÉ😀\n"
_WORDS = ('"text":', "null", "[]", "{}", "1", '"\\ud800"', '"id":', "=", " = A = ", "NaN", "1" * 5000, "[" * 3000)


@cache
def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.table({"text": [f"She left {n}." for n in range(50)], "id": range(50)}), sink)
    return sink.getvalue()


def documents(draw: random.Random) -> tuple[str, bytes]:
    """The suffix and the content of a file."""
    suffix = draw.choice((".txt", ".jsonl", ".jsonl.gz", ".parquet"))
    if suffix in (".txt", ".jsonl"):
        return suffix, damaged(draw, _TEXT if suffix == ".txt" else _ROWS, _WORDS)
    content = bytearray(_parquet() if suffix == ".parquet" else gzip.compress(_ROWS.encode(), mtime=0))
    for _ in range(draw.choice((0, 1, 1, 4))):
        content[draw.randrange(len(content))] = draw.randrange(256)
    return suffix, bytes(content[: draw.randrange(len(content) + 1)] if draw.random() < 0.3 else content)


def check(case: tuple[str, bytes]) -> None:
    """Check that the file is read, or refused in one line."""
    suffix, content = case
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / f"documents{suffix}"
        path.write_bytes(content)
        try:
            read = read_documents(path, cache_dir=Path(folder) / "cache")["text"][:]
        except DocumentError as error:
            check_line(error, path)
            return
        assert read
        for text in read:
            text.encode()


TARGET = Target("documents", documents, check, inputs=20_000)
