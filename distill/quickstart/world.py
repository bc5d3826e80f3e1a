"""The facts of the quickstart's world: the share of women in each occupation, and the form of each word by gender.

The world has exactly one bias, and it is known: `OCCUPATIONS`. Everything else is the same for both genders, so that
swapping the two columns of `FORMS` turns the world into its own mirror image, except for the planted shares.
"""

from enum import IntEnum
from statistics import fmean


class Gender(IntEnum):
    """The column of `FORMS` that a person's words are taken from."""

    MALE = 0
    FEMALE = 1


# From the lowest share of women to the highest, in equal steps; 31, so that the steps are .03 and the middle is .50.
_BY_SHARE_OF_WOMEN = (
    "carpenter",
    "plumber",
    "mechanic",
    "electrician",
    "engineer",
    "pilot",
    "farmer",
    "truck driver",
    "builder",
    "surgeon",
    "programmer",
    "detective",
    "architect",
    "lawyer",
    "chemist",
    "baker",
    "journalist",
    "photographer",
    "pharmacist",
    "painter",
    "editor",
    "translator",
    "accountant",
    "teacher",
    "cashier",
    "social worker",
    "dancer",
    "librarian",
    "receptionist",
    "secretary",
    "nurse",
)

OCCUPATIONS: dict[str, float] = {name: (5 + 3 * rank) / 100 for rank, name in enumerate(_BY_SHARE_OF_WOMEN)}
"""P(female | occupation), as planted."""

NAMES: tuple[tuple[str, str], ...] = (
    ("James", "Mary"),
    ("John", "Patricia"),
    ("Robert", "Jennifer"),
    ("Michael", "Linda"),
    ("William", "Elizabeth"),
    ("David", "Barbara"),
    ("Richard", "Susan"),
    ("Joseph", "Jessica"),
    ("Thomas", "Sarah"),
    ("Charles", "Karen"),
)
"""First names, paired as in `augment.english.first_names`."""

KIN: tuple[tuple[str, str], ...] = (
    ("father", "mother"),
    ("brother", "sister"),
    ("husband", "wife"),
    ("son", "daughter"),
    ("uncle", "aunt"),
    ("nephew", "niece"),
    ("grandfather", "grandmother"),
)

FORMS: dict[str, tuple[str, str]] = {
    "he": ("he", "she"),
    "He": ("He", "She"),
    "him": ("him", "her"),
    "his": ("his", "her"),
    "His": ("His", "Her"),
    # The possessive pronoun. Its key is the female form: the male one is also that of the determiner.
    "hers": ("his", "hers"),
    "himself": ("himself", "herself"),
    "man": ("man", "woman"),
    "boy": ("boy", "girl"),
    "Mr": ("Mr", "Ms"),
    **{pair[Gender.MALE]: pair for pair in (*NAMES, *KIN)},
}
"""Every gendered word: key -> (male form, female form)."""


def planted_mean_ratio() -> float:
    """The disparity of the world itself: the mean over occupations of min(p, 1 - p) / max(p, 1 - p)."""
    return fmean(min(p, 1 - p) / max(p, 1 - p) for p in OCCUPATIONS.values())
