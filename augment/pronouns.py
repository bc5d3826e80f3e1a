"""Is this “her” or “his” the determiner of a noun (“her keys”), or a pronoun by itself (“saw her”, “is his”)?

The word that follows decides. A determiner is followed by its noun phrase; a pronoun is followed by the end of the
clause, or by a word that begins no noun phrase: a preposition, conjunction, another determiner or pronoun, an
auxiliary, an adverb of place or time, a bare verb after an object (“let her go”).
"""

import re

# The word that follows, over blanks but not over a blank line; quotes, brackets and emphasis before it are passed over.
_NEXT = re.compile(r"(?:[^\S\n]|\n(?![^\S\n]*\n))+[\"“‘'(\[*_]*([^\W_]+(?:['’][^\W_]+)?)")

# “his or her keys”, “his/her keys”: the second decides for both.
_COORDINATED = re.compile(r"(?:\s?/\s?|\s(?:or|and)\s)(?:his|her)(?![^\W_])", re.IGNORECASE)

_CLAUSE_GOES_ON = re.compile(r"[^\S\n]*\n?[^\S\n]*[^\W_]|['’][^\W_]|-[^\W_]")
_AFTER_LET = re.compile(r"\blet(?:s|ting)?\s+$", re.IGNORECASE)

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
something anything everything nothing someone anyone everyone nobody
go come get be do make take give know think feel see look want say tell stay leave live keep let put sit stand lie
speak sing wear eat sleep cry die believe understand realize become bring run wait grow suffer remain marry forget
"""
_NO_NOUN_PHRASE = frozenset(_AFTER_OBJECT.split())

# What follows “his” where it stands by itself (“his and hers”, “a habit of his that …”): far fewer words than after
# “her”, since “his” nearly always is a determiner.
_AFTER_PRONOUN = "and or but nor if because when as than is was are were to that in at by for from alone"
_NO_NOUN_PHRASE_AFTER_HIS = frozenset(_AFTER_PRONOUN.split())

# Nouns that look like adverbs.
_NOUNS_IN_LY = {"family", "belly", "ally", "assembly", "bully", "reply", "folly", "supply", "jelly", "monopoly"}


def is_determiner(text: str, start: int, end: int) -> bool:
    """Whether the “her” or “his” at text[start:end], in any case, is the determiner of a noun that follows.

    >>> is_determiner("She lost her keys.", 9, 12)
    True
    >>> is_determiner("I saw her yesterday.", 6, 9)
    False
    """
    coordinated = _COORDINATED.match(text, end)
    if coordinated is not None:
        return is_determiner(text, coordinated.end() - 3, coordinated.end())
    following = _NEXT.match(text, end)
    if following is None:
        return False
    word = following[1].lower().replace("’", "'")
    if text[start:end].lower() == "his":
        return word not in _NO_NOUN_PHRASE_AFTER_HIS
    if word in _NO_NOUN_PHRASE or _AFTER_LET.search(text, max(0, start - 10), start):
        return False
    ends_the_clause = word == "first" or (word.endswith("ly") and word not in _NOUNS_IN_LY)
    return not ends_the_clause or _CLAUSE_GOES_ON.match(text, following.end()) is not None
