"""First names: a bijection, and a capitalised word that is somebody's first name."""

import pytest

from augment.english.first_names import is_first_name, name_pairs, names_that_are_words, unpaired_names


def test_enough_pairs() -> None:
    assert len(name_pairs()) >= 300
    assert name_pairs()[0] == ("James", "Mary")


def test_every_name_occurs_once() -> None:
    names = [name for pair in name_pairs() for name in pair] + list(unpaired_names()) + list(names_that_are_words())
    assert len(names) == len(set(names))


def test_names_are_single_capitalised_words() -> None:
    for name in [name for pair in name_pairs() for name in pair] + list(unpaired_names() | names_that_are_words()):
        assert name.isalpha()
        assert name == name.capitalize()


@pytest.mark.parametrize("name", ["Will", "May", "Mark", "Grace", "Rose", "Hope", "Faith", "Frank", "Bill", "Jack"])
def test_names_that_are_words_have_no_partner(name: str) -> None:
    assert all(name not in pair for pair in name_pairs())


@pytest.mark.parametrize(
    "text",
    [
        "[Mary] left.",
        "Then [James] left.",
        "[James] Brown sang.",
        "[James] Henry Smith",
        "John [Robert] Smith",
        "Mary [Ann] left.",
        "King [James]",
        "Uncle [Robert]",
        "In San Francisco. [Mary] left.",
        "then [Mark] said",
        "Mr. [James] Brown",
        "[Mark] Twain wrote",
        "[Jack] said no.",
        "Miss [Elizabeth] smiled.",
        "Dr. [Patricia] J. Jones",
        "“Yes,” [Grace] said",
    ],
)
def test_first_names(text: str) -> None:
    assert decide(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mr. [James] left.",
        "Mrs [James]",
        "Dr. [Henry]",
        "San [Francisco]",
        "St. [Paul]",
        "Dr. [Henry], I think",
        "St. [James] Infirmary",
        "Henry [James] wrote.",
        "[Mark] my words",
        "[Will] You Go?",
        "Miss [James]",
        "Saint [Patrick]",
        "He left. [Grace] is rare",
    ],
)
def test_words_that_are_not_first_names(text: str) -> None:
    assert not decide(text)


def decide(text: str) -> bool:
    start = text.index("[")
    end = text.index("]") - 1
    return is_first_name(text.replace("[", "").replace("]", ""), start, end)
