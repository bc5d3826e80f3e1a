"""Detokenise WikiText's articles, and count their words.

Perplexity *per word* is measured as in lm-evaluation-harness' task `wikitext`, so that it can be compared with
published numbers: the model reads the detokenised text, and its negative log-likelihood is divided by the number of
words of the original. Source: Radford et al. 2019 (GPT-2), section 3.1.
"""

import re

from augment.documents import is_article_title

_SPACE = re.compile(r"\s+")

_PUNCTUATION = (":", ";", ".", "!", "?", ",")
_REPLACED = (
    ("s '", "s'"),
    *((f" @{mark}@ ", mark) for mark in "-,."),
    *((f" {mark} ", f"{mark} ") for mark in _PUNCTUATION),
)
_ENCLOSED = tuple(
    re.compile(rf"({re.escape(opening)})\s*([^{re.escape(closing)}]*?)\s*({re.escape(closing)})")
    for opening, closing in ("()", "[]", "{}", '""', "''")
)
_REPLACED_LAST = (
    *(("= " * (level - 1) + "=", "=" * level) for level in (4, 3, 2)),
    (" ° ", "°"),
    (" \n", "\n"),
    ("\n ", "\n"),
    # The Penn Treebank, whose tokenisation WikiText follows, replaces numbers by N.
    (" N ", " 1 "),
    (" 's", "'s"),
)


def is_wikitext(document: str) -> bool:
    r"""Return whether a document is an article in WikiText's format, which starts with ` = Title = `.

    >>> is_wikitext(" = Robert Boulter = \n \n Robert Boulter is an English film , television and theatre actor . ")
    True
    """
    return is_article_title(document.lstrip().partition("\n")[0])


def detokenised(article: str) -> str:
    r"""Return an article in ordinary spelling.

    >>> detokenised('He had a guest @-@ starring role ( in " Teddy \'s Story " ) in 2000 , at 1 @,@ 500 .')
    'He had a guest-starring role (in "Teddy\'s Story") in 2000, at 1,500 .'
    """
    for written, meant in _REPLACED:
        article = article.replace(written, meant)
    for pattern in _ENCLOSED:
        article = pattern.sub(r"\1\2\3", article)
    for written, meant in _REPLACED_LAST:
        article = article.replace(written, meant)
    return article


def word_count(document: str) -> int:
    """Count the parts between white space, including empty ones at both ends, as lm-evaluation-harness does.

    >>> word_count("the only actor ")
    4
    """
    return len(_SPACE.split(document))
