"""What is prose, and what only looks like it."""

import pytest

from augment.english.prose import is_compound, is_in_tag, is_prose


def span(text: str) -> tuple[str, int, int]:
    start = text.index("⟦")
    return text.replace("⟦", "").replace("⟧", ""), start, text.index("⟧") - 1


@pytest.mark.parametrize(
    "text",
    [
        "⟦his⟧",
        "is ⟦his⟧.",
        "“⟦his⟧”",
        "``⟦his⟧''",
        "⟦he⟧'s",
        "⟦he⟧’d",
        "(⟦he⟧)",
        "[⟦he⟧]",
        "—⟦he⟧—",
        "--⟦he⟧--",
        "…⟦he⟧...",
        "*⟦he⟧*",
        "_⟦he⟧_",
        "_it was ⟦he⟧_",
        "_⟦he⟧ was\nlate_ again",
        "⟦he⟧/she",
        "he/⟦she⟧",
        "him/⟦herself⟧",
        "husband/⟦wife⟧.",
        "“he/⟦him⟧.”",
        "he/⟦him⟧/his",
        "...he/⟦she⟧",
        "He ran.⟦She⟧ fell",
        "step-⟦mother⟧",
        "⟦mother⟧-in-law",
        "⟦he⟧:",
        "⟦he⟧😀",
        "\ufeff⟦he⟧",
        "⟦he⟧\u200b",
        "“\u200e⟦he⟧\u2060”",
        "<b>⟦he⟧</b>",
        '<b class="x">⟦he⟧</b>',
    ],
)
def test_prose(text: str) -> None:
    assert is_prose(*span(text))


@pytest.mark.parametrize(
    "text",
    [
        "http://x.com/⟦his⟧/her",
        "https://⟦his⟧.com",
        "www.⟦his⟧.com",
        "⟦king⟧.com",
        "⟦king⟧@x.com",
        "john.⟦king⟧@x.com",
        "@⟦king⟧",
        "#⟦king⟧",
        "user.⟦his⟧",
        "⟦his⟧.name",
        "⟦his⟧_id",
        "_⟦his⟧",
        "__⟦king⟧__x",
        "⟦his⟧(x)",
        "⟦his⟧[0]",
        "`⟦his⟧`",
        "std::⟦king⟧",
        "x->⟦king⟧",
        "$⟦his⟧",
        "\\⟦his⟧",
        "⟦king⟧=1",
        "/home/⟦king⟧",
        "home/⟦king⟧/file.txt",
        "~/⟦king⟧",
        "../⟦king⟧",
        "src/⟦king⟧/v2.",
        "src/my_x/⟦king⟧",
        "De\u0301⟦sir⟧",
        "⟦he⟧\u0301",
        "⟦he⟧\u200dx",
        "⟦he⟧\u200c",
        "\u00ad⟦he⟧",
        "(s)⟦he⟧",
        "s/⟦he⟧",
        "(wo)⟦man⟧",
    ],
)
def test_not_prose(text: str) -> None:
    assert not is_prose(*span(text))


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('<b class="⟦his⟧">', True),
        ("<p title='of ⟦his⟧ own'>", True),
        ("<!-- ⟦his⟧ -->", True),
        ("a < ⟦his⟧ > b", False),
        ("<b>⟦his⟧</b>", False),
        ("<b ⟦his⟧", False),
        ("⟦his⟧>", False),
    ],
)
def test_tags(text: str, inside: bool) -> None:
    assert is_in_tag(*span(text)) is inside


@pytest.mark.parametrize(("text", "compound"), [("⟦Mary⟧-Ann", True), ("Jo-⟦Mary⟧", True), ("⟦Mary⟧--so", False)])
def test_compounds(text: str, compound: bool) -> None:
    assert is_compound(*span(text)) is compound
