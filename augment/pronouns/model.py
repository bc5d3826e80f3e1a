"""Is this “her” or “his” the determiner of a noun (“her keys”), or a pronoun of its own (“saw her”, “is his”)?

“her” is classified by a linear model of the two words before it and the three after it. It was trained on raw novels:
“him” and “his”, “me” and “my”, “them” and “their”, “us” and “our” label themselves, and occur where “her” does
(`augment.pronouns.train`). “his” is nearly always a determiner; rules find the exceptions.
"""

import gzip
import json
import re
import unicodedata
from functools import cache
from importlib import resources

from augment.pronouns.features import (
    PARAGRAPH_BREAK,
    FeatureKey,
    TokenWindow,
    WordTraits,
    single_word_features,
    token_window,
    trait_features,
    word_features,
)

_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
# Stand for amounts in digits: novels spell them out.
_NUMBER, _MONEY = "twenty", "money"
_UNKNOWN = "?"
# 😂, ★, ~: like a full stop, they are not followed by the noun of a determiner.
_SYMBOL_CATEGORIES = ("So", "Sk", "Sm")
_CACHE_SIZE = 1 << 16
# Log-odds of 2: in six cases of ten, single words are that sure.
_DECISIVE_SCORE = 64
# Outweighs all other features.
_NEVER_DETERMINED = -1_000_000
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

# “his or her keys”, “his/her keys”: the last one decides for all, but not in “her and her keys”. Longer chains are not
# prose, and must not take longer.
_COORDINATED = re.compile(r"(?:(?:\s?/\s?|\s(?:or|and)\s)(?:his|her)(?![^\W_])){1,8}", re.IGNORECASE)

# “ask his/her.” has no noun, but only determiners are paired like this.
_SLASHED_AFTER = re.compile(r"\s?/\s?(?:his|her)(?![^\W_])", re.IGNORECASE)
_SLASHED_BEFORE = re.compile(r"(?<![^\W_])(?:his|her)\s?/\s?$", re.IGNORECASE)

# The next word after “his”, unless a blank line comes first; quotes, brackets and emphasis are skipped.
_NEXT = re.compile(r"[*_\]]{0,3}(?:[^\S\n]|\n(?![^\S\n]*\n))+[\"“‘'(\[*_]*([^\W_]+(?:['’][^\W_]+)?)")
# “a friend of his” may end there (“a friend of his came”) or go on (“a friend of his mother”).
_AFTER_ONE_OF = re.compile(r"\b(?:an?|another|some|that|this|any)\s+(?:[^\W\d_]+\s+){1,3}of\s+$", re.IGNORECASE)

# Words that follow “his” where it is a pronoun (“his and hers”, “a habit of his that …”).
_AFTER_PRONOUN = """
and or but nor if because when as than is was are were to that in at by for from alone
who whom whose which he she they we i
"""
_NO_NOUN_PHRASE = frozenset(_AFTER_PRONOUN.split())
# Verbs that cannot begin a noun phrase: “me and her went”, “a friend of his came”.
_FINITE_VERBS = """
went came said told gave got took knew became began brought wrote sat stood ran says comes goes gets takes tells seems
seemed died showed turned asked wanted invited suggested offered arrived appeared happened
"""
_VERBS = frozenset(_FINITE_VERBS.split())
# “married her last year”, but “in her last year”, and “Her last year was …”.
_TIME = "day night week weekend month year summer winter spring autumn fall time"
_TIMES = frozenset(_TIME.split())
_PREPOSITION = "of in on at by for from with during after before since until was is be and spent"
_AT_A_TIME = frozenset([*_PREPOSITION.split(), PARAGRAPH_BREAK, *".!?"])
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
    # “or”, “and” or a slash, after at most one blank
    if text[end + 1 : end + 2] in "oaOA/" or text[end : end + 1] == "/":
        coordinated = _COORDINATED.match(text, end)
        # “invited her and her friends”: the first “her” is the object.
        repeated = text[end : end + 8].split()[:2] == ["and", text[start:end].lower()]
        if coordinated is not None and not repeated:
            start, end = coordinated.end() - 3, coordinated.end()
            if _is_slashed(text, start, end):
                return True
    if text[start:end].lower() == "his":
        return _his_is_determiner(text, start, end)
    window = token_window(text, start, end)
    _, before, after, after2, after3 = window
    if before.lower() not in _AT_A_TIME and (
        (after.lower() == "last" and after2.lower() in _TIMES)
        or (after.lower() in _WEEKDAYS and (not after2[0].isalpha() or after2.lower() in _AFTER_A_DAY))
    ):
        return False
    if after2 in _DASHES and after.isdigit() and after3[0].isdigit() and stem_of(before.lower()) in _BEATING:
        return False
    return _model().score(window) > 0


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


class PronounModel:
    """A linear model that tells determiners from objects.

    Args:
        classes: Word → two letters: its class, of words that occur in the same places, and its noun level, which says
            how much it is like a noun after a determiner.
        endings: The last letters of a word without a class → the same two letters.
        frames: Stem → one letter for verbs and prepositions whose objects are followed by the same classes (give, show,
            lend: her *the keys*).
        weights: Feature (see `augment.pronouns.features.FeatureKey`) → weight, in units of 1/32 of log-odds.
    """

    def __init__(
        self, classes: dict[str, str], endings: dict[str, str], frames: dict[str, str], weights: dict[str, int]
    ):
        self.classes, self.endings, self.frames, self.weights = classes, endings, frames, weights
        self._bias = weights.get(FeatureKey.BIAS, 0)
        # Token → the weight of its own features at each of the five positions, and the description of the word
        self._described: dict[str, tuple[int, int, int, int, int, WordTraits]] = {}
        # Letters of three words → the weight of their features
        self._trait_weights: dict[str, int] = {}

    def score(self, window: TokenWindow) -> int:
        """Above 0 if a pronoun between these tokens is a determiner.

        The sum of the weights of the `features`; or of those of single words only, where they are so decisive that the
        others could not change the sign.
        """
        described = self._described
        try:
            before2, before, after, after2, after3 = window
            total = (
                self._bias
                + described[before2][0]
                + described[before][1]
                + described[after][2]
                + described[after2][3]
                + described[after3][4]
            )
        except KeyError:
            self._describe_all(window)
            return self.score(window)
        if not -_DECISIVE_SCORE < total < _DECISIVE_SCORE:
            return total
        weight = self.weights.get
        first, word, second, third = (
            described[before][5],
            described[after][5],
            described[after2][5],
            described[after3][5],
        )
        for feature in word_features(first, word, second, third):
            total += weight(feature, 0)
        letters = first.letters + word.letters + second.letters
        trait_weight = self._trait_weights.get(letters)
        if trait_weight is None:
            if len(self._trait_weights) > _CACHE_SIZE:
                self._trait_weights.clear()
            trait_weight = self._trait_weights[letters] = sum(
                self.weights.get(feature, 0) for feature in trait_features(first, word, second)
            )
        return total + trait_weight

    def features(self, window: TokenWindow) -> tuple[str, ...]:
        """All features of the words around a pronoun, of each by itself and of several together."""
        words = [self.describe(token) for token in window]
        single = (feature for position, word in enumerate(words) for feature in single_word_features(position, word))
        _, before, after, after2, after3 = words
        return (
            FeatureKey.BIAS,
            *single,
            *word_features(before, after, after2, after3),
            *trait_features(before, after, after2),
        )

    def describe(self, token: str) -> WordTraits:
        """What the features use of a token."""
        form = token.lower().replace("’", "'")
        if unicodedata.category(form[0]) in _SYMBOL_CATEGORIES:
            form = "."
        elif form[0].isdigit() and not _YEAR.fullmatch(form):
            form = _NUMBER
        elif form[0] in "$£€" and len(form) > 1:
            form = _MONEY
        stem = stem_of(form)
        capital = "capital" if token[0].isupper() else "small"
        class_and_level = self._class_and_level(form)
        frame = self.frames.get(stem, _UNKNOWN)
        return WordTraits(
            form, form[-3:], class_and_level[0], class_and_level[1], stem, frame, capital, class_and_level + frame
        )

    def _describe_all(self, window: TokenWindow) -> None:
        if len(self._described) > _CACHE_SIZE:
            self._described.clear()
        for token in window:
            word = self.describe(token)
            weight = self.weights.get
            before2, before, after, after2, after3 = (
                sum(weight(feature, 0) for feature in single_word_features(position, word)) for position in range(5)
            )
            if word.form in _VERBS:
                after = _NEVER_DETERMINED
            self._described[token] = (before2, before, after, after2, after3, word)

    def _class_and_level(self, word: str) -> str:
        found = self.classes.get(word)
        if found is not None:
            return found
        ending = next((word[-n:] for n in ENDINGS if len(word) > n and word[-n:] in self.endings), None)
        return _UNKNOWN * 2 if ending is None else self.endings[ending]


def stem_of(word: str) -> str:
    """The word without its verbal ending: giving, gives, gave → giv. Rough; meant for words before a pronoun.

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
