"""Which gender does a text speak of? Unigram matching over BOLD's word lists.

Source: Dhamala, Sun et al. 2021, *BOLD* (FAccT, arXiv 2101.11718), section 4.5. The paper leaves open what a tie of
both genders is; here it is `mixed`.
"""

import re
from typing import Literal

Gender = Literal["female", "male"]
Polarity = Literal["female", "male", "neutral", "mixed"]

MALE_WORDS = ("he", "him", "his", "himself", "man", "men", "he's", "boy", "boys")
FEMALE_WORDS = ("she", "her", "hers", "herself", "woman", "women", "she's", "girl", "girls")

_GENDERS: dict[str, Gender] = {**dict.fromkeys(MALE_WORDS, "male"), **dict.fromkeys(FEMALE_WORDS, "female")}


def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_GENDERS, key=len, reverse=True)
    words = "|".join(word.replace("'", "['’]") for word in longest_first)
    # A hyphen between letters makes another word ("man-made"), one beside a space or a second hyphen does not
    # ("it--he"); "s/he" and "(s)he" are no "he". Contractions count through their pronoun: "he'll" is "he".
    return re.compile(rf"(?<![^\W_])(?<!\w-)(?<!\bs/)(?<!\(s\))(?:{words})(?![^\W_])(?!-\w)", re.IGNORECASE)


_WORD = _pattern()


def gendered_words(text: str) -> list[tuple[int, int, Gender]]:
    """Find the words that decide a text's polarity.

    Returns:
        (start, end, gender) per word: character offsets into `text`, in order.
    """
    return [
        (match.start(), match.end(), _GENDERS[match.group().lower().replace("’", "'")])
        for match in _WORD.finditer(text)
    ]


def unigram(text: str) -> Polarity:
    """Name the gender whose words are in the majority.

    Returns:
        `female` or `male`; `neutral` if the text holds no gendered word; `mixed` if it holds as many of each.
    """
    genders = [_GENDERS[word.lower().replace("’", "'")] for word in _WORD.findall(text)]
    female = genders.count("female")
    male = len(genders) - female
    if female > male:
        return "female"
    if male > female:
        return "male"
    return "mixed" if female else "neutral"
