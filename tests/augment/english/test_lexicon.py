"""The lexicon: what it contains, what it promises, and how it refuses a broken one."""

import itertools
from pathlib import Path

import pytest

from augment import Lexicon, RoleReverser
from augment.english.lexicon import LexiconError


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.load()


def load(folder: Path, text: str) -> Lexicon:
    path = folder / "lexicon.yaml"
    path.write_text(text, encoding="utf-8")
    return Lexicon.load(path)


def test_size_and_groups(lexicon: Lexicon) -> None:
    assert len(lexicon.pairs) >= 250
    assert {pair.group for pair in lexicon.pairs} == {"pronoun", "kinship", "title", "royalty", "occupation", "person"}


def test_animals_can_be_enabled(lexicon: Lexicon, tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "augment/lexicons/en.yaml").read_text("utf-8")
    enabled = load(tmp_path, text.replace("disabled: [animal]", "disabled: []"))
    assert "lioness" in enabled.counterparts
    assert "lioness" not in lexicon.counterparts
    assert enabled.fingerprint != lexicon.fingerprint


def test_no_word_is_male_and_female(lexicon: Lexicon) -> None:
    assert not {pair.male for pair in lexicon.pairs} & {pair.female for pair in lexicon.pairs}


def test_a_word_has_one_counterpart_beyond_its_readings(lexicon: Lexicon) -> None:
    for word, options in lexicon.counterparts.items():
        assert len({option.reading for option in options}) == len(options), word


@pytest.mark.parametrize(
    ("case", "male", "female"),
    [
        ("lower", {"his", "him"}, {"her", "hers"}),
        ("upper", {"he"}, {"she"}),
        ("lower", {"himself"}, {"herself"}),
        ("lower", {"mr"}, {"mrs"}),
        ("title", {"mr"}, {"ms", "mrs"}),
        ("upper", {"mr"}, {"mrs"}),
        ("lower", {"gentleman"}, {"lady", "gentlewoman"}),
        ("title", {"gentleman"}, {"gentlewoman"}),
        ("title", {"gentlemen"}, {"ladies", "gentlewomen"}),
        ("upper", {"monsieur"}, {"mademoiselle"}),
        ("title", {"herr"}, {"frau", "fräulein"}),
        ("title", {"man"}, {"woman"}),
        ("lower", {"father"}, {"mother"}),
    ],
)
def test_vocabulary_groups(lexicon: Lexicon, case: str, male: set[str], female: set[str]) -> None:
    assert (male, female) in lexicon.groups(case)


@pytest.mark.parametrize(
    ("word", "cases"),
    [
        ("ms", ["title"]),
        ("lady", ["lower"]),
        ("ladies", ["lower", "title", "upper"]),
        ("gent", []),
        ("madame", ["lower", "title"]),
        ("herr", ["title"]),
        ("fräulein", ["title"]),
        ("freeman", ["lower"]),
        ("freewoman", ["lower"]),
    ],
)
def test_vocabulary_groups_contain_a_word_in_its_gendered_cases(lexicon: Lexicon, word: str, cases: list[str]) -> None:
    groups = {case: lexicon.groups(case) for case in ("lower", "title", "upper")}
    assert [case for case in groups if any(word in male | female for male, female in groups[case])] == cases


@pytest.mark.parametrize("case", ["lower", "title", "upper"])
def test_vocabulary_groups_are_disjoint_single_lower_case_words(lexicon: Lexicon, case: str) -> None:
    words = list(itertools.chain.from_iterable(male | female for male, female in lexicon.groups(case)))
    assert len(words) == len(set(words))
    assert all(word.isalpha() and word == word.lower() for word in words)


@pytest.mark.parametrize("word", ["miss", "king", "queen", "guy", "author", "host", "count", "counts", "lord", "dame"])
def test_words_whose_gender_depends_on_context_are_in_no_vocabulary_group(lexicon: Lexicon, word: str) -> None:
    assert not any(
        word in male | female for case in ("lower", "title", "upper") for male, female in lexicon.groups(case)
    )


def test_groups_are_the_connected_components(tmp_path: Path) -> None:
    pairs = "[{male: a, female: v}, {male: b, female: w}, {male: c, female: w, direction: to_female}]"
    joined = pairs.replace("]", ", {male: b, female: v, direction: to_male, when: {v: title}}]")
    assert load(tmp_path, f"groups: {{g: {pairs}}}").groups("lower") == (({"a"}, {"v"}), ({"b", "c"}, {"w"}))
    assert load(tmp_path, f"groups: {{g: {joined}}}").groups("title") == (({"a", "b", "c"}, {"v", "w"}),)


def test_ambiguous_words(lexicon: Lexicon) -> None:
    assert lexicon.ambiguous_words == {"her", "his", "sir", "dame", "lady", "ms", "miss", "count", "countess"}


def test_every_exclusion_says_why(lexicon: Lexicon) -> None:
    assert all(exclusion.reason for exclusion in lexicon.exclusions)
    assert {"king size*", "queen bed", "guy wire*", "God", "madam/sir"} <= {e.phrase for e in lexicon.exclusions}


def test_no_exclusion_is_longer_than_the_reverser_looks(lexicon: Lexicon) -> None:
    assert max(len(exclusion.phrase) for exclusion in lexicon.exclusions) < 40


def test_tells_are_not_exchanged(lexicon: Lexicon) -> None:
    assert not lexicon.tells & set(lexicon.counterparts)


def test_surnames_are_exchanged_elsewhere(lexicon: Lexicon) -> None:
    assert "king" in lexicon.surnames
    assert lexicon.surnames <= set(lexicon.counterparts)


def test_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    text = "groups: {g: [{male: a, female: b}]}"
    assert load(tmp_path, text).fingerprint == load(tmp_path, text).fingerprint
    assert load(tmp_path, text).fingerprint != load(tmp_path, text + "\n").fingerprint


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", None, "empty"),
        ("groups: ]", 1, "not YAML"),
        ("- a", 1, "expected a mapping"),
        ("language: en", 1, "'groups' is missing"),
        ("groups: {}\nanimals: []", 1, "unknown property 'animals'"),
        ("groups:\n  g:\n    - {male: he}", 3, "'female' is missing"),
        ("groups:\n  g:\n    - {male: he, female: she, plurals: [they, they]}", 3, "unknown property 'plurals'"),
        ("groups:\n  g:\n    - {male: he, female: he}", 3, "its own counterpart"),
        ("groups:\n  g:\n    - {male: He, female: she}", 3, "not a single lower-case word"),
        ("groups:\n  g:\n    - {male: step-father, female: she}", 3, "hyphenated"),
        ('groups:\n  g:\n    - {male: "\'im", female: "\'er"}', 3, "begins or ends with an apostrophe"),
        ("groups:\n  g:\n    - {male: he, female: she, direction: up}", 3, "direction 'up'"),
        ("groups:\n  g:\n    - {male: he, female: she, vocabulary: no}", 3, "neither true nor false"),
        ("groups:\n  g:\n    - {male: he, female: she, plural: [they]}", 3, "two words"),
        ("groups:\n  g:\n    - {male: he, female: she, when: {her: title}}", 3, "is not a word of this entry"),
        ("groups:\n  g:\n    - {male: he, female: she, when: {she: noun}}", 3, "no reading 'noun'"),
        ("groups:\n  g:\n    - {male: he, female: she, cases: {she: [small]}}", 3, "no case 'small'"),
        ("groups:\n  g:\n    - {male: he, female: she, vocabulary: [small]}", 3, "no case 'small'"),
        ("groups:\n  g:\n    - {male: a, female: b}\n    - {male: a, female: c}", 4, "line 3 gives 'a'"),
        ("groups:\n  g:\n    - {male: a, female: b}\n    - {male: b, female: c}", 4, "female on line 3"),
        ("groups:\n  g:\n    - {male: a, female: b, male: c}", 3, "is given twice"),
        ("disabled: [h]\ngroups: {g: []}", 1, "no group 'h'"),
        ("groups: {}\nexclusions:\n  - {phrase: god}", 3, "'reason' is missing"),
        ("groups: {}\nexclusions:\n  - {phrase: God, case: title, reason: r}", 3, "only `exact`"),
        ("groups: {}\ntells: pregnant", 2, "expected a list"),
        ("groups:\n  g: [{male: a, female: b}]\ntells:\n  - b", 4, "'b' is exchanged as well"),
    ],
)
def test_errors_name_file_line_and_problem(tmp_path: Path, text: str, line: int | None, problem: str) -> None:
    with pytest.raises(LexiconError, match=problem) as raised:
        load(tmp_path, text)
    assert "lexicon.yaml" in str(raised.value)
    assert line is None or f"line {line}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_errors_show_the_entry(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="male: he, female: he"):
        load(tmp_path, "groups:\n  g:\n    - {male: he, female: he}")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"none.yaml: cannot be read: No such file"):
        Lexicon.load(tmp_path / "none.yaml")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_device_that_never_ends() -> None:
    with pytest.raises(LexiconError, match=r"/dev/zero: is a device; choose a file"):
        Lexicon.load("/dev/zero")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"groups: \xff")
    with pytest.raises(LexiconError, match=r"a.yaml, byte 8: not UTF-8"):
        Lexicon.load(tmp_path / "a.yaml")
    (tmp_path / "a.yaml").write_bytes(b"groups: \x00")
    with pytest.raises(LexiconError, match=r"a.yaml, line 1: not YAML: [^\n]*$"):
        Lexicon.load(tmp_path / "a.yaml")


def test_a_lexicon_on_top_of_the_packages_own(tmp_path: Path, lexicon: Lexicon) -> None:
    own = load(tmp_path, "extends: en\ngroups: {mine: [{male: fox, female: vixen}, {male: guy, female: girl}]}")
    assert [option.word for option in own.counterparts["fox"]] == ["vixen"]
    assert [option.word for option in own.counterparts["guy"]] == ["girl"]
    assert own.counterparts["her"] == lexicon.counterparts["her"]
    assert "gal" not in own.counterparts
    assert own.fingerprint != lexicon.fingerprint
    extended = load(tmp_path, "extends: en\ngroups: {}\ntells: [actress]")
    reversal = RoleReverser(lexicon=extended).reverse("The actress saw her.")
    assert (reversal.counterfactual, reversal.tells) == ("The actress saw him.", ((4, 11),))
    with pytest.raises(LexiconError, match=r"line 1.*only `en`"):
        load(tmp_path, "extends: fr\ngroups: {}")


def test_a_word_that_is_exchanged_both_ways_comes_back(lexicon: Lexicon) -> None:
    stated = {word for pair in lexicon.pairs if pair.direction or pair.when for word in pair[:2]}
    for word, (counterpart, *_) in lexicon.counterparts.items():
        if word not in stated:
            back = [option.word for option in lexicon.counterparts[counterpart.word] if option.reading is None]
            assert back == [word]


def test_an_entry_that_contains_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("language: en\ngroups: &a {person: [*a]}\n", "utf-8")
    with pytest.raises(LexiconError, match=r"a.yaml, line 2, .*…"):
        Lexicon.load(path)
