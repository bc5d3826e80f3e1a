"""The training of the pronoun model: from raw text to a file, and what it learns from an unambiguous text."""

import gzip
import json
import random

import pytest

from augment.pronouns import train as train_pronouns
from augment.pronouns import word_classes
from augment.pronouns.features import token_window
from augment.pronouns.model import PronounModel

NOUNS = ["house", "dog", "garden", "letter", "father", "coat", "window", "sister"]
VERBS = ["saw", "loved", "helped", "found", "left", "met"]
PLACES = ["there", "today", "again", "in town", "at once", "with joy"]


def novel(sentences: int) -> str:
    """Sentences in which a determiner always has a noun, and an object never."""
    chance = random.Random(0)
    lines = []
    for _ in range(sentences):
        determiner, pronoun = chance.choice([("his", "him"), ("my", "me"), ("their", "them"), ("our", "us")])
        if chance.random() < 0.5:
            lines.append(f"They {chance.choice(VERBS)} {determiner} {chance.choice(NOUNS)} {chance.choice(PLACES)}.")
        else:
            lines.append(f"They {chance.choice(VERBS)} {pronoun} {chance.choice(PLACES)}.")
    return "\n".join(lines)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_classes, "CLASSES", 6)
    monkeypatch.setattr(train_pronouns, "SEEDS", 1)


def test_a_model_is_trained_and_written(tmp_path, capsys) -> None:
    paths = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for path in paths:
        path.write_text(novel(400), "utf-8")
    output = tmp_path / "model.json.gz"
    train_pronouns.main([*map(str, paths), "--output", str(output)])
    assert "100.00% right in one.txt" in capsys.readouterr().out
    model = PronounModel(*json.loads(gzip.decompress(output.read_bytes())))
    text = "They met her garden again. They met her again."
    first, second = text.index("her"), text.rindex("her")
    assert model.score(token_window(text, first, first + 3)) > 0 > model.score(token_window(text, second, second + 3))
    assert sorted(tmp_path.iterdir()) == sorted([*paths, output])


def test_training_twice_gives_the_same_bytes(tmp_path) -> None:
    text = novel(200)
    outputs = [tmp_path / "a", tmp_path / "b"]
    for output in outputs:
        train_pronouns.write(train_pronouns.train([text], train_pronouns.examples(text)), output)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_examples_label_themselves() -> None:
    found = train_pronouns.examples("He told me that my dog bit them in the US.")
    assert found == [
        (("He", "told", "that", "my", "dog"), False),
        (("me", "that", "dog", "bit", "them"), True),
        (("dog", "bit", "in", "the", "US"), False),
    ]


def test_the_possessive_before_a_gerund_is_no_example() -> None:
    assert train_pronouns.examples("They spoke of his being late and his wanting a horse.") == []
    assert len(train_pronouns.examples("They spoke of his wedding day.")) == 1
