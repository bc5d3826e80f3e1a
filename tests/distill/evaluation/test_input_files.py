from pathlib import Path

import pytest

from distill.errors import UserError
from distill.evaluation.input_files import json_objects


def test_objects_and_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('\ufeff{"a": 1}\n\n{"a": "\u2028"}\r\n', encoding="utf-8")
    assert list(json_objects(path, "rows")) == [(f"{path}, line 1", {"a": 1}), (f"{path}, line 3", {"a": "\u2028"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n{"a"', r"a\.jsonl, line 2: not JSON \(.*\); expected rows$"),
        (b"[" * 100_000, r"line 1: not JSON"),
        (b"[1]", r"line 1: not a JSON object; expected rows$"),
        (b'{"a": "\xff"}', r"a\.jsonl, line 1, byte 7: not UTF-8 \(0xff\); convert the file to UTF-8$"),
    ],
)
def test_what_is_no_object_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        list(json_objects(path, "rows"))
    assert str(raised.value).count("expected rows") <= 1
