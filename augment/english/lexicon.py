"""The words that a role reversal exchanges: reads and checks a lexicon. `lexicons/en.yaml` describes the format."""

import hashlib
import itertools
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from augment.english.word_senses import READINGS

_CASES = ("lower", "title", "upper")
_DIRECTIONS = ("to_male", "to_female")


class LexiconError(ValueError):
    """A lexicon that cannot be used: the message names file, line and entry, and says what to do."""


class Pair(NamedTuple):
    """One male and one female word that are exchanged for each other.

    Attributes:
        male: In lower case.
        female: In lower case.
        group: The group of the lexicon that the pair belongs to.
        direction: "to_male", "to_female", or None for both ways.
        when: Word → the reading in which the pair applies to it.
        cases: Word → the cases in which it is gendered, where these are not all.
        vocabulary: The cases in which a distribution over the vocabulary may exchange the two.
    """

    male: str
    female: str
    group: str
    direction: str | None
    when: dict[str, str]
    cases: dict[str, tuple[str, ...]]
    vocabulary: tuple[str, ...]


class Exclusion(NamedTuple):
    """A phrase whose gendered words stay.

    Attributes:
        phrase: As in the lexicon, with * for the rest of a word.
        exact: Whether it is matched in exactly this case.
        tells: Whether it reveals a gender nevertheless.
        reason: Why the words stay.
    """

    phrase: str
    exact: bool
    tells: bool
    reason: str


class Counterpart(NamedTuple):
    """What a word becomes, and the reading in which it does (None: if no other reading applies)."""

    word: str
    reading: str | None


@dataclass(frozen=True)
class Lexicon:
    """Word pairs of the enabled groups, exclusions, words that reveal a gender without a counterpart, and surnames.

    >>> lexicon = Lexicon.load()
    >>> [c.word for c in lexicon.counterparts["her"]]
    ['his', 'him']
    """

    pairs: tuple[Pair, ...]
    exclusions: tuple[Exclusion, ...]
    tells: frozenset[str]
    surnames: frozenset[str]
    fingerprint: str

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Lexicon":
        """Read and check a lexicon.

        Args:
            path: A YAML file; default: the English lexicon that comes with the package.

        Raises:
            LexiconError: If the file cannot be read, is not a lexicon, or contradicts itself.
        """
        if path is None:
            text, name = resources.files("augment").joinpath("lexicons/en.yaml").read_text("utf-8"), "lexicons/en.yaml"
        else:
            name = str(path)
            try:
                # A device may never end.
                if Path(path).is_char_device() or Path(path).is_block_device():
                    raise LexiconError(f"{name}: is a device; choose a file")
                text = Path(path).read_text("utf-8")
            except UnicodeDecodeError as error:
                raise LexiconError(f"{name}, byte {error.start}: not UTF-8; convert the file to UTF-8") from None
            except OSError as error:
                raise LexiconError(f"{name}: cannot be read: {error.strerror or error}") from None
        return _Reader(name).read(text)

    def on_top_of(self, base: "Lexicon") -> "Lexicon":
        """This lexicon, and what `base` adds to it; pairs of `base` with a word of this lexicon are left out."""
        words = {word for pair in self.pairs for word in pair[:2]}
        own = words | self.tells
        return Lexicon(
            self.pairs + tuple(pair for pair in base.pairs if not own & set(pair[:2])),
            self.exclusions + base.exclusions,
            self.tells | (base.tells - words),
            self.surnames | base.surnames,
            hashlib.sha256(f"{self.fingerprint} {base.fingerprint}".encode()).hexdigest()[:16],
        )

    @cached_property
    def counterparts(self) -> dict[str, tuple[Counterpart, ...]]:
        """Every word that is exchanged → its counterparts, in the order in which they are tried."""
        found: dict[str, list[Counterpart]] = {}
        for pair in self.pairs:
            for word, other, direction in (
                (pair.male, pair.female, "to_female"),
                (pair.female, pair.male, "to_male"),
            ):
                if pair.direction in (None, direction):
                    found.setdefault(word, []).append(Counterpart(other, pair.when.get(word)))
        return {word: tuple(sorted(options, key=lambda c: c.reading is None)) for word, options in found.items()}

    @cached_property
    def group_of(self) -> dict[str, str]:
        """Every word that is exchanged → the name of its group."""
        groups: dict[str, str] = {}
        for pair in self.pairs:
            groups.setdefault(pair.male, pair.group)
            groups.setdefault(pair.female, pair.group)
        return groups

    @cached_property
    def gender_of(self) -> dict[str, str]:
        """Every word of a pair → "male" or "female"."""
        return {pair.male: "male" for pair in self.pairs} | {pair.female: "female" for pair in self.pairs}

    @cached_property
    def cases(self) -> dict[str, tuple[str, ...]]:
        """The words that are gendered only in some of the cases "lower", "title" and "upper"."""
        return {word: cases for pair in self.pairs for word, cases in pair.cases.items()}

    @cached_property
    def ambiguous_words(self) -> frozenset[str]:
        """The words whose counterpart depends on the words that follow (her, his, lady …), in lower case."""
        return frozenset(
            word for word, options in self.counterparts.items() if any(option.reading for option in options)
        )

    def groups(self, case: str = "lower") -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
        """Connected components of the pairs that a vocabulary may exchange in this case.

        {him, his} ↔ {her, hers} is one, {man} ↔ {woman} another. A pair is left out if its `vocabulary` says so, or if
        one of its words is not gendered in this case (`cases`).

        Args:
            case: "lower", "title" or "upper".

        Returns:
            (male words, female words) of each component: single words, in lower case whatever `case` is.
        """
        components: list[tuple[set[str], set[str]]] = []
        for pair in self.pairs:
            if case not in pair.vocabulary or not (pair.male.isalpha() and pair.female.isalpha()):
                continue
            if any(case not in self.cases.get(word, _CASES) for word in (pair.male, pair.female)):
                continue
            joined = ({pair.male}, {pair.female})
            apart = []
            for component in components:
                if pair.male in component[0] or pair.female in component[1]:
                    joined = (component[0] | joined[0], component[1] | joined[1])
                else:
                    apart.append(component)
            components = [*apart, joined]
        return tuple((frozenset(male), frozenset(female)) for male, female in components)


class _Reader:
    """Turns YAML nodes, which carry their line numbers, into a checked lexicon."""

    def __init__(self, name: str):
        self.name = name

    def read(self, text: str) -> Lexicon:
        try:
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = 1 if mark is None else mark.line + 1
            problem = getattr(error, "problem", None) or " ".join(str(error).split())
            raise LexiconError(f"{self.name}, line {line}: not YAML: {problem}") from None
        if root is None:
            raise LexiconError(f"{self.name}: is empty; a lexicon has language, groups, exclusions, surnames and tells")
        sections = self.mapping(
            root, {"language", "extends", "disabled", "groups", "exclusions", "surnames", "tells"}, required={"groups"}
        )
        disabled = {self.word(node) for node in self.items(sections.get("disabled"))}
        pairs: list[Pair] = []
        lines: list[tuple[Pair, yaml.Node]] = []
        groups = self.mapping(sections["groups"])
        for name in disabled - set(groups):
            self.fail(sections["disabled"], f"there is no group {name!r}; the groups are {', '.join(groups)}")
        for group, node in groups.items():
            for entry in self.items(node):
                for pair in self.pairs(group, entry):
                    if group not in disabled:
                        pairs.append(pair)
                        lines.append((pair, entry))
        self.check(lines)
        exclusions = tuple(self.exclusion(node) for node in self.items(sections.get("exclusions")))
        tells = frozenset(self.word(node) for node in self.items(sections.get("tells")))
        surnames = frozenset(self.word(node) for node in self.items(sections.get("surnames")))
        own = Lexicon(tuple(pairs), exclusions, tells, surnames, hashlib.sha256(text.encode()).hexdigest()[:16])
        for node in self.items(sections.get("tells")):
            if self.word(node) in own.counterparts:
                self.fail(
                    node, f"{self.word(node)!r} is exchanged as well; keep it either in the groups or in the tells"
                )
        if "extends" not in sections:
            return own
        if self.scalar(sections["extends"]) != "en":
            self.fail(sections["extends"], "only `en`, the package's own lexicon, can be extended")
        return own.on_top_of(Lexicon.load())

    def pairs(self, group: str, node: yaml.Node) -> list[Pair]:
        fields = self.mapping(
            node,
            {"male", "female", "plural", "direction", "when", "cases", "vocabulary"},
            required={"male", "female"},
        )
        direction = self.scalar(fields["direction"]) if "direction" in fields else None
        if direction not in (None, *_DIRECTIONS):
            self.fail(node, f"direction {direction!r} is not one of {', '.join(_DIRECTIONS)}")
        vocabulary = self.vocabulary(fields["vocabulary"]) if "vocabulary" in fields else _CASES
        when = {word: self.scalar(value) for word, value in self.mapping(fields.get("when")).items()}
        cases = {
            word: tuple(self.scalar(case) for case in self.items(value))
            for word, value in self.mapping(fields.get("cases")).items()
        }
        words = [(self.word(fields["male"]), self.word(fields["female"]))]
        if "plural" in fields:
            plural = [self.word(item) for item in self.items(fields["plural"])]
            if len(plural) != 2:
                self.fail(node, "plural takes two words: [male, female]")
            words.append((plural[0], plural[1]))
        known = {word for pair in words for word in pair}
        for word in (*when, *cases):
            if word not in known:
                self.fail(node, f"{word!r} is not a word of this entry")
        for reading in when.values():
            if reading not in READINGS:
                self.fail(node, f"no reading {reading!r}; there are {', '.join(READINGS)}")
        for case in itertools.chain(vocabulary, *cases.values()):
            if case not in _CASES:
                self.fail(node, f"no case {case!r}; there are {', '.join(_CASES)}")
        pairs = []
        for male, female in words:
            if male == female:
                self.fail(node, f"{male!r} is its own counterpart; leave it out")
            own = {word: reading for word, reading in when.items() if word in (male, female)}
            own_cases = {word: some for word, some in cases.items() if word in (male, female)}
            pairs.append(Pair(male, female, group, direction, own, own_cases, vocabulary))
        return pairs

    def vocabulary(self, node: yaml.Node) -> tuple[str, ...]:
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.scalar(case) for case in node.value)
        return _CASES if self.boolean(node) else ()

    def check(self, lines: list[tuple[Pair, yaml.Node]]) -> None:
        seen: dict[tuple[str, str | None], int] = {}
        side: dict[str, tuple[str, int]] = {}
        for pair, node in lines:
            line = node.start_mark.line + 1
            for word, other, direction, gender in (
                (pair.male, pair.female, "to_female", "male"),
                (pair.female, pair.male, "to_male", "female"),
            ):
                other_gender, other_line = side.setdefault(word, (gender, line))
                if other_gender != gender:
                    self.fail(node, f"{word!r} is {gender} here and {other_gender} on line {other_line}; keep one")
                if pair.direction not in (None, direction):
                    continue
                first = seen.setdefault((word, pair.when.get(word)), line)
                if first != line:
                    self.fail(
                        node,
                        f"{word!r} → {other!r}, but line {first} gives {word!r} a counterpart already; "
                        "add a direction or a reading (when) to one of them",
                    )

    def exclusion(self, node: yaml.Node) -> Exclusion:
        fields = self.mapping(node, {"phrase", "case", "tells", "reason"}, required={"phrase", "reason"})
        if "case" in fields and self.scalar(fields["case"]) != "exact":
            self.fail(node, f"case {self.scalar(fields['case'])!r}: only `exact` is allowed here")
        return Exclusion(
            phrase=self.scalar(fields["phrase"]),
            exact="case" in fields,
            tells="tells" in fields and self.boolean(fields["tells"]),
            reason=self.scalar(fields["reason"]),
        )

    def mapping(
        self, node: yaml.Node | None, allowed: set[str] | None = None, required: set[str] | None = None
    ) -> dict[str, Any]:
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, "expected a mapping of names to values")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self.scalar(key)
            if name in fields:
                self.fail(key, f"{name!r} is given twice")
            if allowed is not None and name not in allowed:
                self.fail(node, f"unknown property {name!r}; known are {', '.join(sorted(allowed))}")
            fields[name] = value
        for name in sorted((required or set()) - set(fields)):
            self.fail(node, f"{name!r} is missing")
        return fields

    def items(self, node: yaml.Node | None) -> list[yaml.Node]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.fail(node, "expected a list")
        return node.value

    def scalar(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self.fail(node, "expected a word")
        return node.value

    def boolean(self, node: yaml.Node) -> bool:
        value = self.scalar(node)
        if value not in ("true", "false"):
            self.fail(node, f"{value!r} is neither true nor false")
        return value == "true"

    def word(self, node: yaml.Node) -> str:
        value = self.scalar(node)
        if not value.replace("'", "").isalpha() or value != value.lower():
            self.fail(node, f"{value!r} is not a single lower-case word; hyphenated words are reversed part by part")
        if value[0] == "'" or value[-1] == "'":
            self.fail(node, f"{value!r} begins or ends with an apostrophe, which would be a quotation mark there")
        return value

    def fail(self, node: yaml.Node, problem: str) -> None:
        line = node.start_mark.line + 1
        source = node.start_mark.buffer
        entry = _shown(node) if source is None else source.splitlines()[node.start_mark.line].strip(" -\0")
        raise LexiconError(f"{self.name}, line {line}, {' '.join(entry.split())[:100]}: {problem}")


def _shown(node: yaml.Node, depth: int = 4) -> str:
    # The C loader keeps no source in its marks, so the entry is rebuilt from its nodes. A node may contain itself.
    if not depth:
        return "…"
    if isinstance(node, yaml.MappingNode):
        inner = (f"{_shown(key, depth - 1)}: {_shown(value, depth - 1)}" for key, value in node.value[:4])
        return "{" + ", ".join(inner) + "}"
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(_shown(item, depth - 1) for item in node.value[:4]) + "]"
    return str(node.value)
