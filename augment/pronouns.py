"""Is this “her” or “his” the determiner of a noun (“her keys”), or a pronoun by itself (“saw her”, “is his”)?

The word that follows decides. A determiner is followed by its noun phrase; a pronoun is followed by the end of the
clause, or by a word that begins no noun phrase: a preposition, conjunction, another determiner or pronoun, an
auxiliary, an adverb of place or time, a bare verb after an object (“let her go”).
"""

import re

# The word that follows, over blanks but not over a blank line; quotes, brackets and emphasis before it are passed over,
# and the end of emphasis or of a bracket (“[her] bag”).
_NEXT = re.compile(r"[*_\]]{0,3}(?:[^\S\n]|\n(?![^\S\n]*\n))+[\"“‘'(\[*_]*([^\W_]+(?:['’][^\W_]+)?)")

# “his or her keys”, “his/her keys”: the last decides for all. Longer chains are no prose, and must not cost more.
_COORDINATED = re.compile(r"(?:(?:\s?/\s?|\s(?:or|and)\s)(?:his|her)(?![^\W_])){1,8}", re.IGNORECASE)

# “ask his/her.” has no noun, but only determiners are paired so.
_SLASHED_AFTER = re.compile(r"\s?/\s?(?:his|her)(?![^\W_])", re.IGNORECASE)
_SLASHED_BEFORE = re.compile(r"(?<![^\W_])(?:his|her)\s?/\s?$", re.IGNORECASE)

_CLAUSE_GOES_ON = re.compile(r"[^\S\n]*(?:\n[^\S\n]*)?[^\W_]|['’][^\W_]|-[^\W_]")
_WORD_AFTER = re.compile(r"[^\S\n]*(?:\n[^\S\n]*)?([^\W_]+(?:['’][^\W_]+)?)")
_AFTER_LET = re.compile(r"\blet(?:s|ting)?\s+$", re.IGNORECASE)
_AFTER_MAKE = re.compile(r"\bma(?:de|ke|kes|king)\s+$", re.IGNORECASE)
_AFTER_PREPOSITION = re.compile(
    r"\b(?:of|in|on|at|by|for|from|with|during|after|before|since|until|about|spen[dt]|spending|spends|was|is|be|and)\s+$",
    re.IGNORECASE,
)
# “a friend of”: of his what, or his?
_AFTER_ONE_OF = re.compile(r"\b(?:an?|another|some|that|this|any)\s+(?:[^\W\d_]+\s+){1,3}of\s+$", re.IGNORECASE)

_AFTER_OBJECT = """
a an the this that these those another each every either neither some any no all both enough
my your its our their i you he she it we they him them me us who whom which whose what where when why how
myself yourself himself herself itself ourselves themselves
and or but nor so yet if unless until till because since although though while whereas whether as than lest
of to in on at by for from with without within into onto upon about above across after against along amid among
around before behind below beneath beside besides between beyond down during except inside like near off opposite
out outside over past per round through throughout toward towards under underneath up via away apart aside
is was are were be been am will would shall should can could may might must do does did has had have
isn't wasn't won't wouldn't can't couldn't don't doesn't didn't hasn't hadn't
it's i'm i'll i've i'd you're you'll he's she's we're they're that's there's
here there then now again too also either instead anyway ever never not just even only once twice yesterday today
tonight tomorrow soon later together alone home back forward forth forever somewhere anywhere everywhere
somehow sometimes always still already perhaps maybe really
several being
alive something anything everything nothing someone anyone everyone nobody
go come get be do make take give know think feel see look want say tell stay leave live keep let put sit stand lie
speak sing wear eat sleep cry die believe understand realize become bring run wait grow suffer remain marry forget
"""
_NO_NOUN_PHRASE = frozenset(_AFTER_OBJECT.split())

# What follows “his” where it stands by itself (“his and hers”, “a habit of his that …”): far fewer words than after
# “her”, since “his” nearly always is a determiner.
_AFTER_PRONOUN = """
and or but nor if because when as than is was are were to that in at by for from alone
who whom whose which he she they we i
"""
_NO_NOUN_PHRASE_AFTER_HIS = frozenset(_AFTER_PRONOUN.split())

# Verbs that no noun phrase begins with: “me and her went”, “a friend of his came”.
_FINITE_VERBS = """
went came said told gave got took knew became began brought wrote sat stood ran says comes goes gets takes tells seems
seemed died showed turned asked wanted invited suggested offered arrived appeared happened
"""
_VERBS = frozenset(_FINITE_VERBS.split())

# These end the clause, or begin a noun phrase: “saw her first”, “her first job”.
_ENDS_OR_MODIFIES = """
first better more dead happy pregnant waiting well half
monday tuesday wednesday thursday friday saturday sunday
"""
_ENDS_THE_CLAUSE = frozenset(_ENDS_OR_MODIFIES.split())
# … unless these say which of them (“her happy and quiet life”).
_PART_OF_A_NOUN_PHRASE = frozenset(("of", "and", "or", "but"))

_MADE = """
happy sad laugh cry smile proud angry mad nervous famous jealous blush uncomfortable afraid anxious furious miserable
rich popular seem appear wonder weep scream shiver shudder jump sleepy tired dizzy stronger weaker better worse sick
feel sound pregnant uneasy ashamed
"""
_AFTER_MADE = frozenset(_MADE.split())

_VERY = "much well little often badly kindly closely soon dearly highly"
_AFTER_VERY = frozenset(_VERY.split())

_NUMBER = "two three four five six seven eight nine ten many several some few"
_NUMBERS = frozenset(_NUMBER.split())
_TIME = (
    r"(?:day|night|week|weekend|month|year|summer|winter|spring|autumn|fall|morning|afternoon|evening|time|hour|minute)"
)
_SOME_TIME_AGO = re.compile(rf"\s+{_TIME}s?\s+(?:ago|later|before|earlier)(?![^\W_])", re.IGNORECASE)
_TIME_AND_END = re.compile(rf"\s+{_TIME}(?![^\W_]|['’-])(?!\s+(?:of|as|at|with|in)(?![^\W_]))", re.IGNORECASE)

# Nouns that look like adverbs.
_NOUNS_IN_LY = {"family", "belly", "ally", "assembly", "bully", "reply", "folly", "supply", "jelly", "monopoly"}


def is_determiner(text: str, start: int, end: int) -> bool:
    """Whether the “her” or “his” at text[start:end], in any case, is the determiner of a noun that follows.

    >>> is_determiner("She lost her keys.", 9, 12)
    True
    >>> is_determiner("I saw her yesterday.", 6, 9)
    False
    """
    if _is_slashed(text, start, end):
        return True
    coordinated = _COORDINATED.match(text, end)
    if coordinated is not None:
        start, end = coordinated.end() - 3, coordinated.end()
        if _is_slashed(text, start, end):
            return True
    following = _NEXT.match(text, end)
    if following is None:
        return False
    word = following[1].lower().replace("’", "'")
    if text[start:end].lower() == "his":
        return not (
            word in _NO_NOUN_PHRASE_AFTER_HIS
            or (word in _VERBS and _AFTER_ONE_OF.search(text, max(0, start - 60), start) is not None)
        )
    if word in _NO_NOUN_PHRASE or word in _VERBS or _AFTER_LET.search(text, max(0, start - 10), start):
        return False
    return not (
        _is_time(text, start, following.end(), word)
        or _is_complement(text, start, following.end(), word)
        or _ends_the_clause(text, following.end(), word)
    )


def _is_slashed(text: str, start: int, end: int) -> bool:
    return bool(_SLASHED_AFTER.match(text, end) or _SLASHED_BEFORE.search(text, max(0, start - 6), start))


def _is_time(text: str, start: int, end: int, word: str) -> bool:
    """Whether the word that ends here begins a time when “her” was met or seen: “last year”, “two years ago”."""
    if word in _NUMBERS:
        return _SOME_TIME_AGO.match(text, end) is not None
    if word == "one" and _SOME_TIME_AGO.match(text, end) is not None:
        return True
    return (
        word in ("last", "next", "one")
        and _TIME_AND_END.match(text, end) is not None
        and _AFTER_PREPOSITION.search(text, max(0, start - 12), start) is None
    )


def _is_complement(text: str, start: int, end: int, word: str) -> bool:
    """Whether the word that ends here says what was made of “her”, or how much: “made her happy”, “very much”."""
    if word in _AFTER_MADE:
        return _AFTER_MAKE.search(text, max(0, start - 10), start) is not None
    if word == "very":
        second = _WORD_AFTER.match(text, end)
        return second is not None and second[1].lower() in _AFTER_VERY
    return False


def _ends_the_clause(text: str, end: int, word: str) -> bool:
    adverb = word.endswith("ly") and word not in _NOUNS_IN_LY
    if not adverb and word not in _ENDS_THE_CLAUSE:
        return False
    if _CLAUSE_GOES_ON.match(text, end) is None:
        return True
    second = _WORD_AFTER.match(text, end)
    if adverb or second is None:
        return False
    beyond = second[1].lower()
    return beyond in _NO_NOUN_PHRASE and beyond not in _PART_OF_A_NOUN_PHRASE
