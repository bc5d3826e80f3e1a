"""Options of a command that is a function."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from distill.cli.function_command import call_function

Word = Literal["one", "two", "three"]


def command(folders: list[Path], words: Word | Sequence[Word] = ("one",), number: int = 0) -> tuple[object, ...]:
    """Return what it was given."""
    return folders, words, number


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["one"]),
        (["--words", "two"], "two"),
        (["--words", "two", "--words", "three"], ["two", "three"]),
        (["--words=two", "--words=three", "--words", "one"], ["two", "three", "one"]),
        (["--words", "[two, three]"], ["two", "three"]),
        (["--words+", "two"], ["two"]),
    ],
)
def test_an_option_for_several_values_can_be_repeated(arguments: list[str], words: object) -> None:
    folders, given, number = call_function(command, "try", ["a", *arguments, "--number=1", "--number=2"], "folders")
    assert (folders, given, number) == ([Path("a")], words, 2)


def test_a_repeated_option_replaces_what_a_recipe_says(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("words: [one, one]\n")
    arguments = ["a", "--config", str(recipe), "--words", "two", "--words", "three"]
    assert call_function(command, "try", arguments, "folders")[1] == ["two", "three"]


def test_a_value_out_of_range_is_refused_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_function(command, "try", ["a", "--words", "two", "--words", "four"], "folders")
    assert "four" in capsys.readouterr().err
