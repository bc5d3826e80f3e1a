"""Titles: “Miss Bates”, and not “Miss the bus”."""

import pytest

from augment.english.word_senses import is_title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("[Miss] Bates sat.", True),
        ("[MISS] BATES", True),
        ("[Miss]\nBates", True),
        ("[Lady] Anne", True),
        ("[Sir] Walter", True),
        ("my [lady] spoke", True),
        ("[Miss] the bus", False),
        ("[Miss] You", False),
        ("[Miss]", False),
        ("Yes, [Sir]. Walter", False),
        ("Dear [Sir], Walter", False),
        ("a [lady] Anne", False),
        ("[Miss]\n\nBates", False),
        ("I [miss] Bates", False),
    ],
)
def test_titles(text: str, title: bool) -> None:
    start = text.index("[")
    end = text.index("]") - 1
    assert is_title(text.replace("[", "").replace("]", ""), start, end) is title
