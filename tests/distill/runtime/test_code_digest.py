from pathlib import Path

from distill.runtime.code_digest import code_digest


def test_names_contents_and_order_count(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("a = 1\n")
    two.write_text("a = 1\n")
    before = code_digest([one, two])
    assert before == code_digest([one, two])
    assert len({before, code_digest([two, one]), code_digest([one]), code_digest([two])}) == 4
    two.write_text("a = 2\n")
    assert code_digest([one, two]) != before
