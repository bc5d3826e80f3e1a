"""Is this “her” or “his” the determiner of a noun (“her keys”), or a pronoun by itself (“saw her”, “is his”)?

“her” is decided by a linear model over the two words before it and the three behind. It learned from raw novels: “him”
and “his”, “me” and “my”, “them” and “their”, “us” and “our” tell themselves apart, and stand where “her” does
(`augment.pronouns.train`). “his” is nearly always a determiner, and a rule finds where it is none.
"""

import gzip
import json
import re
import unicodedata
from functools import cache
from importlib import resources
from typing import NamedTuple

# Words, amounts, other signs, and the breaks between paragraphs; quotes, brackets and emphasis are passed over.
_PASSED_OVER = r"\"“”‘’'()\[\]*`"
_TOKEN = rf"(?:[^\W\d_]+(?:['’][^\W\d_]+)*+|[$£€][^\S\n]?\d[\d.,]*|\d[\d.,]*|\n[^\S\n]*\n|[^\w\s{_PASSED_OVER}])"
_GAP = rf"(?:[^\S\n]|\n(?![^\S\n]*\n)|[_{_PASSED_OVER}])*+"
_REACH_BEFORE, _REACH_AFTER = 40, 120
_BREAK = "\n\n"
_THREE = re.compile(rf"{_GAP}({_TOKEN})?{_GAP}({_TOKEN})?{_GAP}({_TOKEN})?")
# What most are, without a choice to be made; a word goes on behind an apostrophe.
_THREE_WORDS = re.compile(r"[ \n]([A-Za-z]++)[ \n]([A-Za-z]++)[ \n]([A-Za-z]++)(?!['’]|[^\W\d_])")
TOKEN = re.compile(_TOKEN)

_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
# What stands for amounts in digits: novels write them out.
_NUMBER, _MONEY = "twenty", "money"
_UNKNOWN = "?"
# 😂, ★, ~: nothing follows that a determiner could stand before.
_SYMBOLS = ("So", "Sk", "Sm")
_MOST_DESCRIBED = 1 << 16
# Log-odds of 2: single words say so in six cases of ten.
_SETTLED = 64
# Outweighs whatever the other words say.
_NEVER_DETERMINED = -1_000_000
_AFTER = 2
"""Place of the word behind the pronoun in a context."""
ENDINGS = (4, 3, 2, 1)
"""Lengths of the word endings that have a class, the longest first."""

_IRREGULAR_VERBS = """
gave:give given:give told:tell took:take taken:take made:make taught:teach sent:send brought:bring bought:buy
left:leave kept:keep found:find knew:know known:know saw:see seen:see felt:feel got:get gotten:get fed:feed
paid:pay shown:show lent:lend sold:sell held:hold heard:hear met:meet wrote:write written:write threw:throw
thrown:throw drew:draw drawn:draw caught:catch meant:mean said:say thought:think lost:lose won:win led:lead
struck:strike did:do done:do went:go gone:go came:come chose:choose chosen:choose forgave:forgive forgot:forget
"""
_IRREGULAR = dict(pair.split(":") for pair in _IRREGULAR_VERBS.split())

# “his or her keys”, “his/her keys”: the last decides for all, but not in “her and her keys”. Longer chains are no
# prose, and must not cost more.
_COORDINATED = re.compile(r"(?:(?:\s?/\s?|\s(?:or|and)\s)(?:his|her)(?![^\W_])){1,8}", re.IGNORECASE)

# “ask his/her.” has no noun, but only determiners are paired so.
_SLASHED_AFTER = re.compile(r"\s?/\s?(?:his|her)(?![^\W_])", re.IGNORECASE)
_SLASHED_BEFORE = re.compile(r"(?<![^\W_])(?:his|her)\s?/\s?$", re.IGNORECASE)

# The word that follows “his”, over blanks but not over a blank line; quotes, brackets and emphasis are passed over.
_NEXT = re.compile(r"[*_\]]{0,3}(?:[^\S\n]|\n(?![^\S\n]*\n))+[\"“‘'(\[*_]*([^\W_]+(?:['’][^\W_]+)?)")
# “a friend of”: of his what, or his?
_AFTER_ONE_OF = re.compile(r"\b(?:an?|another|some|that|this|any)\s+(?:[^\W\d_]+\s+){1,3}of\s+$", re.IGNORECASE)

# What follows “his” where it stands by itself (“his and hers”, “a habit of his that …”).
_AFTER_PRONOUN = """
and or but nor if because when as than is was are were to that in at by for from alone
who whom whose which he she they we i
"""
_NO_NOUN_PHRASE = frozenset(_AFTER_PRONOUN.split())
# Verbs that no noun phrase begins with: “me and her went”, “a friend of his came”.
_FINITE_VERBS = """
went came said told gave got took knew became began brought wrote sat stood ran says comes goes gets takes tells seems
seemed died showed turned asked wanted invited suggested offered arrived appeared happened
"""
_VERBS = frozenset(_FINITE_VERBS.split())
# “married her last year”, but “in her last year”, and “Her last year was …”.
_TIME = "day night week weekend month year summer winter spring autumn fall time"
_TIMES = frozenset(_TIME.split())
_PREPOSITION = "of in on at by for from with during after before since until was is be and spent"
_AT_A_TIME = frozenset([*_PREPOSITION.split(), _BREAK, *".!?"])
# “arrested her Monday”, but “on her Monday”, “her Monday class”.
_WEEKDAY = "monday tuesday wednesday thursday friday saturday sunday"
_WEEKDAYS = frozenset(_WEEKDAY.split())
_AFTER_WEEKDAY = "with for after on at in as by from and that to over during before following while when outside near"
_AFTER_A_DAY = frozenset(_AFTER_WEEKDAY.split())
# “beat her 6-4”, but “in her 6-4 win”.
_BEATING = frozenset(("beat", "beaten", "defeat", "rout", "thrash", "edg", "down", "outlast", "upset", "to"))
_DASHES = ("-", "–", "‑")
# “is his now.”, “was his until …”, but “his now famous speech”.
_IS_BEFORE = re.compile(r"(?:\b(?:is|are|was|were|be|been|being)|['’]s)\s+$", re.IGNORECASE)
_STILL_HIS = frozenset(("until", "till", "again", "forever", "today", "now", "too", "already"))
_ENDS_A_CLAUSE = re.compile(r"[.,;:!?)\]”\"]|\s*$|\n\s*\n")


def is_determiner(text: str, start: int, end: int) -> bool:
    """Whether the “her” or “his” at text[start:end], in any case, is the determiner of a noun that follows.

    >>> is_determiner("She lost her keys.", 9, 12)
    True
    >>> is_determiner("I saw her yesterday.", 6, 9)
    False
    """
    if _is_slashed(text, start, end):
        return True
    # “or”, “and” or a slash, after one blank at most
    if text[end + 1 : end + 2] in "oaOA/" or text[end : end + 1] == "/":
        coordinated = _COORDINATED.match(text, end)
        # “invited her and her friends”: the first is nobody's.
        repeated = text[end : end + 8].split()[:2] == ["and", text[start:end].lower()]
        if coordinated is not None and not repeated:
            start, end = coordinated.end() - 3, coordinated.end()
            if _is_slashed(text, start, end):
                return True
    if text[start:end].lower() == "his":
        return _his_is_determiner(text, start, end)
    around = context(text, start, end)
    _, before, after, second, third = around
    if before.lower() not in _AT_A_TIME and (
        (after.lower() == "last" and second.lower() in _TIMES)
        or (after.lower() in _WEEKDAYS and (not second[0].isalpha() or second.lower() in _AFTER_A_DAY))
    ):
        return False
    if second in _DASHES and after.isdigit() and third[0].isdigit() and stem_of(before.lower()) in _BEATING:
        return False
    return _model().score(around) > 0


def _is_slashed(text: str, start: int, end: int) -> bool:
    return text.find("/", start - 2 if start > 2 else 0, end + 2) >= 0 and bool(
        _SLASHED_AFTER.match(text, end) or _SLASHED_BEFORE.search(text, max(0, start - 6), start)
    )


def _his_is_determiner(text: str, start: int, end: int) -> bool:
    following = _NEXT.match(text, end)
    if following is None:
        return False
    word = following[1].lower()
    return not (
        word in _NO_NOUN_PHRASE
        or (
            word in _STILL_HIS
            and (word in ("until", "till") or _ENDS_A_CLAUSE.match(text, following.end()) is not None)
            and _IS_BEFORE.search(text, max(0, start - 8), start) is not None
        )
        or (word in _VERBS and _AFTER_ONE_OF.search(text, max(0, start - 60), start) is not None)
    )


Context = tuple[str, str, str, str, str]


def context(text: str, start: int, end: int) -> Context:
    """The two tokens before text[start:end] and the three behind it; at either end of the text, paragraph breaks."""
    then = _THREE_WORDS.match(text, end, end + _REACH_AFTER) or _THREE.match(text, end, end + _REACH_AFTER)
    # Words between blanks need no pattern.
    reach = start - _REACH_BEFORE if start > _REACH_BEFORE else 0
    blank = text.rfind(" ", reach, start - 1) if start else -1
    blank_before = text.rfind(" ", reach, blank) if blank > 0 else -1
    second, first = text[blank + 1 : start - 1], text[blank_before + 1 : blank]
    if not (blank_before >= 0 and text[start - 1] == " " and second.isalpha() and first.isalpha()):
        first, second = [_BREAK, _BREAK, *TOKEN.findall(text, reach, start)][-2:]
    return (first, second, *then.groups(_BREAK))


class _Word(NamedTuple):
    """A word of a context; `traits` are its kind, its noun and its frame, a letter each."""

    form: str
    ending: str
    kind: str
    noun: str
    stem: str
    frame: str
    capital: str
    traits: str


def _alone(place: int, word: _Word) -> tuple[str, ...]:
    """Features of the word at one place of a context by itself."""
    match place:
        case 0:
            return ("a" + word.form,)
        case 1:
            return ("b" + word.form, "c" + word.stem, "d" + word.kind, "e" + word.frame)
        case 2:
            return ("f" + word.form, "g" + word.kind, "h" + word.ending, "i" + word.capital, "z" + word.noun)
        case 3:
            return ("j" + word.form, "k" + word.kind, "l" + word.ending, "A" + word.noun)
        case _:
            return ("m" + word.form, "n" + word.kind)


def _of_words(before: _Word, after: _Word, second: _Word, third: _Word) -> tuple[str, ...]:
    """Features of several words of a context, one of them by its form or stem; or of three words behind the pronoun."""
    form, kind = after.form, after.kind
    return (
        f"o{form} {second.form}",
        f"p{before.form} {form}",
        f"r{kind}{second.kind}{third.kind}",
        f"u{before.stem} {kind}",
        f"E{before.stem} {after.noun}",
    )


def _of_traits(before: _Word, after: _Word, second: _Word) -> tuple[str, ...]:
    """Features of several words of a context by their traits alone."""
    frame, kind, noun = before.frame, after.kind, after.noun
    return (
        f"q{kind}{second.kind}",
        f"s{before.kind}{kind}",
        f"t{before.kind}{kind}{second.kind}",
        f"w{frame}{kind}",
        f"x{frame}{kind}{second.kind}",
        f"B{noun}{second.kind}",
        f"C{noun}{second.noun}",
        f"F{frame}{noun}{second.noun}",
    )


class PronounModel:
    """A linear model of determiners and objects.

    `classes`: word → two letters: its class, of words that stand in the same places, and how far it is a noun behind a
    determiner; `endings`: the last letters of a word without a class → the same; `frames`: stem → one letter for verbs
    and prepositions whose objects are followed by the same classes (give, show, lend: her *the keys*); `weights`:
    feature → weight.
    """

    def __init__(
        self, classes: dict[str, str], endings: dict[str, str], frames: dict[str, str], weights: dict[str, int]
    ):
        self.classes, self.endings, self.frames, self.weights = classes, endings, frames, weights
        self._bias = weights.get("", 0)
        # Each token's weight at the five places of a context, and what it is.
        self._seen: dict[str, tuple[int, int, int, int, int, _Word]] = {}
        # The weight of three words' traits together.
        self._weight_of_traits: dict[str, int] = {}

    def score(self, context: Context) -> int:
        """Above 0 where a pronoun between these tokens is a determiner.

        The sum of the weights of the `features`; or of those of single words, where it is so clear that no words
        together turn it.
        """
        seen = self._seen
        try:
            before2, before, after, after2, after3 = context
            total = self._bias + seen[before2][0] + seen[before][1] + seen[after][2] + seen[after2][3] + seen[after3][4]
        except KeyError:
            self._look_at(context)
            return self.score(context)
        if not -_SETTLED < total < _SETTLED:
            return total
        weight = self.weights.get
        first, word, second, third = seen[before][5], seen[after][5], seen[after2][5], seen[after3][5]
        for feature in _of_words(first, word, second, third):
            total += weight(feature, 0)
        traits = first.traits + word.traits + second.traits
        of_traits = self._weight_of_traits.get(traits)
        if of_traits is None:
            if len(self._weight_of_traits) > _MOST_DESCRIBED:
                self._weight_of_traits.clear()
            of_traits = self._weight_of_traits[traits] = sum(
                self.weights.get(feature, 0) for feature in _of_traits(first, word, second)
            )
        return total + of_traits

    def features(self, context: Context) -> tuple[str, ...]:
        """What the model looks at: words, their classes, stems, frames and endings, alone and together."""
        words = [self.describe(token) for token in context]
        alone = (feature for place, word in enumerate(words) for feature in _alone(place, word))
        return ("", *alone, *_of_words(*words[1:]), *_of_traits(*words[1:4]))

    def describe(self, token: str) -> _Word:
        """What the model knows of a token."""
        form = token.lower().replace("’", "'")
        if unicodedata.category(form[0]) in _SYMBOLS:
            form = "."
        elif form[0].isdigit() and not _YEAR.fullmatch(form):
            form = _NUMBER
        elif form[0] in "$£€" and len(form) > 1:
            form = _MONEY
        stem = stem_of(form)
        capital = "capital" if token[0].isupper() else "small"
        kind, noun = self._class(form)
        frame = self.frames.get(stem, _UNKNOWN)
        return _Word(form, form[-3:], kind, noun, stem, frame, capital, kind + noun + frame)

    def _look_at(self, tokens: Context) -> None:
        if len(self._seen) > _MOST_DESCRIBED:
            self._seen.clear()
        for token in tokens:
            word = self.describe(token)
            weights = [sum(self.weights.get(feature, 0) for feature in _alone(place, word)) for place in range(5)]
            if word.form in _VERBS:
                weights[_AFTER] = _NEVER_DETERMINED
            self._seen[token] = (*weights, word)

    def _class(self, word: str) -> str:
        found = self.classes.get(word)
        if found is not None:
            return found
        ending = next((word[-n:] for n in ENDINGS if len(word) > n and word[-n:] in self.endings), None)
        return _UNKNOWN * 2 if ending is None else self.endings[ending]


def stem_of(word: str) -> str:
    """The word without its ending of a verb: giving, gives, gave → giv. Rough, for what stands before a pronoun.

    >>> stem_of("giving"), stem_of("stopped"), stem_of("told")
    ('giv', 'stop', 'tell')
    """
    word = _IRREGULAR.get(word, word)
    for ending in ("ing", "ied", "ies", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            if ending in ("ing", "ed") and len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
                word = word[:-1]
            break
    return word


@cache
def _model() -> PronounModel:
    packed = resources.files("augment").joinpath("lexicons/pronouns.json.gz").read_bytes()
    return PronounModel(*json.loads(gzip.decompress(packed)))
