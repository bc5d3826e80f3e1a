"""Describes a lexicon, and how it treats a word."""

from collections import defaultdict
from collections.abc import Iterator

from augment.english.exclusions import pattern_of
from augment.english.first_names import name_pairs, names_that_are_words, unpaired_names
from augment.english.lexicon import Exclusion, Lexicon, Pair
from augment.reversal import RoleReverser

_ARROWS = {None: "↔", "to_female": "→", "to_male": "←"}


def overview(lexicon: Lexicon) -> Iterator[str]:
    """The pairs by group, one per line: male ↔ female, or → and ← for pairs that go only one way."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in lexicon.pairs:
        groups[pair.group].append(pair)
    for group, pairs in groups.items():
        yield f"{group} ({len(pairs)})"
        for pair in pairs:
            when = "; ".join(f"{word} only as {reading}" for word, reading in pair.when.items())
            yield f"  {pair.male} {_ARROWS[pair.direction]} {pair.female}" + (f"  ({when})" if when else "")
    yield (
        f"{len(lexicon.pairs)} pairs, {len(lexicon.exclusions)} phrases that stay, {len(lexicon.tells)} words that "
        f"reveal a gender and stay, {len(name_pairs())} pairs of first names"
    )


def explain(lexicon: Lexicon, word: str) -> list[str]:
    """How one word, or several together, are treated: a line for each fact about them."""
    if word.replace("'", "").replace("’", "").isalpha() and (known := list(_known(lexicon, word))):
        return known
    return list(_known_together(lexicon, word)) or [f"{word}: is not exchanged"]


def _known_together(lexicon: Lexicon, text: str) -> Iterator[str]:
    for exclusion in lexicon.exclusions:
        if pattern_of(exclusion).search(text):
            yield _stays(text, exclusion)
    counterfactual = RoleReverser(lexicon=lexicon).reverse(text).counterfactual
    if counterfactual != text:
        yield f"{text}: becomes {counterfactual}"


def _stays(word: str, exclusion: Exclusion) -> str:
    tells = ", which reveals a gender" if exclusion.tells else ""
    return f"{word}: stays in “{exclusion.phrase}”{tells}: {exclusion.reason}"


def _known(lexicon: Lexicon, word: str) -> Iterator[str]:
    lower = word.lower().replace("’", "'")
    for counterpart in lexicon.counterparts.get(lower, ()):
        when = f" as {counterpart.reading}" if counterpart.reading else ""
        yield f"{word}: becomes {counterpart.word}{when} ({lexicon.group_of[lower]})"
    if lower in lexicon.gender_of and lower not in lexicon.counterparts:
        others = ", ".join(p.male if lower == p.female else p.female for p in lexicon.pairs if lower in p[:2])
        yield f"{word}: stays; it is only the counterpart of {others}"
    if lower in lexicon.cases:
        yield f"{word}: only in {', '.join(lexicon.cases[lower])} case"
    if lower in lexicon.surnames:
        yield f"{word}: a surname, which stays, after a title, an initial or a first name"
    if lower in lexicon.tells:
        yield f"{word}: stays, and reveals a gender"
    for exclusion in lexicon.exclusions:
        if any(lower in _forms(part) for part in _words(exclusion.phrase)):
            yield _stays(word, exclusion)
    name = word.capitalize()
    for male, female in name_pairs():
        if name in (male, female):
            yield f"{name}: a first name; with --names it becomes {female if name == male else male}"
    if name in unpaired_names() | names_that_are_words():
        yield f"{name}: a first name without a counterpart, which reveals a gender and stays"


def _forms(part: str) -> tuple[str, ...]:
    return (part[:-1], f"{part[:-1]}s") if part.endswith("*") else (part,)


def _words(phrase: str) -> list[str]:
    return phrase.lower().replace("-", " ").replace("'s", " ").split()
