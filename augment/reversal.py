"""Role reversal of a text: every gendered word becomes its counterpart, and the record says where."""

import hashlib
from array import array
from collections.abc import Iterable
from functools import cached_property
from typing import get_args

from augment.english.first_names import name_pairs, names_that_are_words, unpaired_names
from augment.english.lexicon import Lexicon
from augment.english.possessives import APOSTROPHES, with_possessive
from augment.english.prose import PLAIN_AFTER, PLAIN_BEFORE, is_in_tag, is_prose
from augment.english.surface_forms import TELLS, Direction, surface_forms
from augment.english.word_search import WordSearch
from augment.parallel import reverse_in_parallel
from augment.records import Reversal

# Part of the fingerprint: increment it whenever the reversal of some text changes under the same lexicon.
_VERSION = 9


class RoleReverser:
    """Reverses the gender roles of English text.

    Args:
        names: Exchange common first names too, each for the same other one throughout; otherwise they stay, and are
            reported as tells.
        lexicon: The words that are exchanged; default: the English lexicon that comes with the package.
        to: "swap" exchanges the genders; "female" and "male" give everyone that gender, and words that have it already
            stay and are reported as tells.

    Raises:
        ValueError: If `to` is none of these.

    >>> RoleReverser().reverse("The nurse said she lost her keys.").counterfactual
    'The nurse said he lost his keys.'
    >>> RoleReverser(to="female").reverse("He told her the truth.").counterfactual
    'She told her the truth.'
    """

    def __init__(self, names: bool = False, lexicon: Lexicon | None = None, to: Direction = "swap"):
        if to not in get_args(Direction):
            raise ValueError(f"to={to!r}: one of {', '.join(get_args(Direction))}")
        self.names = names
        self.lexicon = Lexicon.load() if lexicon is None else lexicon
        self.to = to
        self._words = surface_forms(self.lexicon, names, to)
        self._search = WordSearch(self._words)

    @cached_property
    def fingerprint(self) -> str:
        """A hash that changes whenever the same text might be reversed differently."""
        names = ",".join(f"{male}/{female}" for male, female in name_pairs())
        others = ",".join(sorted(unpaired_names() | names_that_are_words()))
        state = f"{_VERSION} {self.lexicon.fingerprint} {self.names} {self.to} {names} {others}"
        return hashlib.sha256(state.encode()).hexdigest()[:16]

    def reverse(self, text: str) -> Reversal:
        """Reverse one text. Everything outside `swaps` stays as it is, to the last byte."""
        known = self._words.get
        tagged = "<" in text
        numbers: list[int] = []
        tells: list[tuple[int, int]] = []
        pieces: list[str] = []
        position = shift = 0
        # Blanks around the text, so that every word has neighbours.
        padded = f" {text} "
        for form, start in self._search.find(text):
            word = known(form)
            if word is None:
                continue
            end = start + len(form)
            after = end + 1
            counterpart: str | None
            counterpart, ambiguous, decide, joined, possessive = word
            if padded[start] not in PLAIN_BEFORE or padded[after] not in PLAIN_AFTER:
                if not is_prose(text, start, end):
                    continue
                decide = joined
            if tagged and is_in_tag(text, start, end):
                continue
            if decide is not None:
                counterpart = decide(text, start, end)
                if counterpart is None:
                    continue
                if counterpart is TELLS:
                    tells.append((start, end))
                    continue
            if possessive and padded[after] in APOSTROPHES:
                end, counterpart, ambiguous = with_possessive(text, start, end, counterpart)
            pieces += text[position:start], counterpart
            new_start = start + shift
            new_end = new_start + len(counterpart)
            numbers += start, end, new_start, new_end, ambiguous
            position = end
            shift = new_end - end
        if not numbers:
            return Reversal(text, text, b"", tuple(tells))
        pieces.append(text[position:])
        return Reversal(text, "".join(pieces), array("q", numbers).tobytes(), tuple(tells))

    def reverse_all(self, texts: Iterable[str], num_proc: int = 1) -> list[Reversal]:
        """Reverse many texts.

        Args:
            texts: The texts.
            num_proc: Number of processes.

        Returns:
            The reversals, in order.

        Raises:
            ValueError: If `num_proc` is less than 1.
            RuntimeError: If a worker process was killed.
        """
        if num_proc < 1:
            raise ValueError(f"num_proc={num_proc}: 1 or more")
        if num_proc == 1:
            return [self.reverse(text) for text in texts]
        texts = list(texts)
        num_proc = min(num_proc, len(texts))
        if num_proc < 2:
            return [self.reverse(text) for text in texts]
        return reverse_in_parallel(self.reverse, texts, num_proc)

    def mirror(self, reversal: Reversal) -> Reversal:
        """The reversal with text and counterfactual exchanged, and spans and tells adapted.

        `ambiguous` is determined again, for the words of the new text.
        """
        text = reversal.counterfactual
        numbers: list[int] = []
        for start, end, new_start, new_end, _ in reversal.swaps:
            word = text[new_start:new_end].lower()
            numbers += new_start, new_end, start, end, word in self._ambiguous or word[-1] in APOSTROPHES
        tells = []
        shift = passed = 0
        for start, end in reversal.tells:
            while passed < len(reversal.swaps) and reversal.swaps[passed].end <= start:
                shift = reversal.swaps[passed].counterfactual_end - reversal.swaps[passed].end
                passed += 1
            tells.append((start + shift, end + shift))
        return Reversal(text, reversal.text, array("q", numbers).tobytes(), tuple(tells))

    @cached_property
    def _ambiguous(self) -> frozenset[str]:
        return self.lexicon.ambiguous_words
