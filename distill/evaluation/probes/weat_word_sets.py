"""Word sets of the embedding association tests (WEAT) on gender.

Source: Caliskan, Bryson & Narayanan 2017, *Semantics derived automatically from language corpora contain human-like
biases* (Science 356, arXiv 1608.07187), tests 6 to 8.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weat:
    """A test: are the first targets closer to the first attributes than the second targets are?

    Attributes:
        targets: Two sets of words whose associations are tested.
        attributes: Two sets of words that they may be associated with.
    """

    targets: tuple[tuple[str, ...], tuple[str, ...]]
    attributes: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def words(self) -> tuple[str, ...]:
        """All words of the test."""
        return tuple(word for side in (*self.targets, *self.attributes) for word in side)


TESTS = {
    "weat6": Weat(
        targets=(
            ("John", "Paul", "Mike", "Kevin", "Steve", "Greg", "Jeff", "Bill"),
            ("Amy", "Joan", "Lisa", "Sarah", "Diana", "Kate", "Ann", "Donna"),
        ),
        attributes=(
            ("executive", "management", "professional", "corporation", "salary", "office", "business", "career"),
            ("home", "parents", "children", "family", "cousins", "marriage", "wedding", "relatives"),
        ),
    ),
    "weat7": Weat(
        targets=(
            ("math", "algebra", "geometry", "calculus", "equations", "computation", "numbers", "addition"),
            ("poetry", "art", "dance", "literature", "novel", "symphony", "drama", "sculpture"),
        ),
        attributes=(
            ("male", "man", "boy", "brother", "he", "him", "his", "son"),
            ("female", "woman", "girl", "sister", "she", "her", "hers", "daughter"),
        ),
    ),
    "weat8": Weat(
        targets=(
            ("science", "technology", "physics", "chemistry", "Einstein", "NASA", "experiment", "astronomy"),
            ("poetry", "art", "Shakespeare", "dance", "literature", "novel", "symphony", "drama"),
        ),
        attributes=(
            ("brother", "father", "uncle", "grandfather", "son", "he", "his", "him"),
            ("sister", "mother", "aunt", "grandmother", "daughter", "she", "hers", "her"),
        ),
    ),
}
"""The tests by name.

weat6: men's and women's names with career and family. weat7 and weat8: mathematics and science versus arts with
gendered words. A positive effect is the stereotype.
"""
