"""The role-reversed vocabulary π: the tokens that exchange their probability between a prefix and its reversal."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from augment.english.first_names import name_pairs
from augment.english.lexicon import Lexicon
from distill.perturbation.word_counts import read_word_counts

_SHARES: dict[tuple[str, Callable[[str], str]], float] = {
    (" ", str.lower): 0.85,
    ("", str.lower): 0.03,
    (" ", str.capitalize): 0.07,
    ("", str.capitalize): 0.04,
    (" ", str.upper): 0.006,
    ("", str.upper): 0.004,
}
"""Shares of words in each case in running prose, after a space or elsewhere (start, quote, bracket, dash)."""

WordGroup = tuple[frozenset[str], frozenset[str]]
TokenGroup = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class ReversedVocabulary:
    """Groups of tokens and their counterparts, K tokens in G groups.

    A group's probability flows across to its counterpart as a whole and is divided there among the tokens in the
    proportions of the factual prediction: {his, him} ↔ {her, hers}, {Mr} ↔ {Ms, Mrs}, {man} ↔ {woman}.

    Attributes:
        tokens: `[K]` int64, ids of all tokens that belong to a group.
        group_of: `[K]` int64, the group of each token.
        members: `[G, widest]` int64, positions in `tokens`, padded with K.
        counterpart: `[G]` int64, the group that each group exchanges with.
        without_names: The same without first names; None if it holds none.
    """

    tokens: Tensor
    group_of: Tensor
    members: Tensor
    counterpart: Tensor
    without_names: "ReversedVocabulary | None" = None

    @property
    def words(self) -> "ReversedVocabulary":
        """The groups of gendered words, without first names.

        A name's counterpart is one of many, and nothing makes “the Royal Albert Hall” as likely as “the Royal Teresa
        Hall”: where only gendered words are to move, names stay.
        """
        return self.without_names or self

    @classmethod
    def from_pairs(cls, pairs: Sequence[TokenGroup]) -> "ReversedVocabulary":
        """Build π from pairs of token groups.

        Args:
            pairs: Token ids of a group and of its counterpart, for each pair.

        Raises:
            ValueError: If a token belongs to two groups, or a group is empty.

        Example:
            >>> π = ReversedVocabulary.from_pairs([((1,), (2, 3))])
            >>> π.read(torch.tensor([0.1, 0.5, 0.3, 0.1]).log(), torch.tensor([0.4, 0.2, 0.2, 0.2]).log()).exp()
            tensor([0.4000, 0.1500, 0.0500])
        """
        groups = [group for pair in pairs for group in pair]
        tokens = [token for group in groups for token in group]
        if len(set(tokens)) != len(tokens):
            raise ValueError("a token belongs to two groups of the role-reversed vocabulary")
        if not all(groups):
            raise ValueError("a group of the role-reversed vocabulary is empty")
        widest = max(map(len, groups), default=0)
        members = torch.full((len(groups), widest), len(tokens))
        group_of = torch.empty(len(tokens), dtype=torch.int64)
        start = 0
        for index, group in enumerate(groups):
            members[index, : len(group)] = torch.arange(start, start + len(group))
            group_of[start : start + len(group)] = index
            start += len(group)
        return cls(
            tokens=torch.tensor(tokens, dtype=torch.int64),
            group_of=group_of,
            members=members,
            counterpart=torch.arange(len(groups)) ^ 1,
        )

    @classmethod
    def from_tokenizer(cls, tokenizer: PreTrainedTokenizerBase, names: bool = False) -> "ReversedVocabulary":
        """Find the lexicon's words among the tokenizer's single tokens.

        A group holds the words of one connected component of the lexicon in one case and with or without the leading
        space. Left out are tokens that are part of a longer word more often than not (“ king|pin”, “Jack|son”), and
        groups whose counterpart has no token.

        Args:
            tokenizer: Any tokenizer of `transformers`.
            names: Also exchange first names, as the role reverser does with `names=True`.
        """
        cased = list(_cased_groups(Lexicon.load()))
        words_only = cls.from_tokenizer(tokenizer) if names else None
        if names:
            cased += [(frozenset([male]), frozenset([female])) for male, female in name_pairs()]
        words = {word for pair in cased for side in pair for word in side}
        token_of = _whole_word_tokens(tokenizer, words)
        pairs: list[TokenGroup] = []
        taken: set[int] = set()
        for prefix in (" ", ""):
            for pair in cased:
                male, female = (
                    tuple(sorted({token_of[prefix + word] for word in side if prefix + word in token_of} - taken))
                    for side in pair
                )
                if male and female:
                    pairs.append((male, female))
                    taken.update(male, female)
        return replace(cls.from_pairs(pairs), without_names=words_only)

    def to(self, device: torch.device | str) -> "ReversedVocabulary":
        """The same vocabulary on `device`."""
        if self.tokens.device == torch.device(device):
            return self
        return ReversedVocabulary(
            self.tokens.to(device),
            self.group_of.to(device),
            self.members.to(device),
            self.counterpart.to(device),
            None if self.without_names is None else self.without_names.to(device),
        )

    def read(self, log_p: Tensor, counterfactual_log_p: Tensor) -> Tensor:
        """Read the counterfactual prediction through the role-reversed vocabulary, at `tokens` only.

        Args:
            log_p: `[..., V]` factual log-probabilities, in whose proportions a group's mass is divided among its
                tokens (evenly where all are −∞).
            counterfactual_log_p: `[..., V]` log-probabilities after the role-reversed prefix.

        Returns:
            `[..., K]` log-probabilities. All other tokens are read as they are.
        """
        own, counterfactual = (row.index_select(-1, self.tokens) for row in (log_p, counterfactual_log_p))
        own_mass = self._group_log_mass(own)
        sizes = (self.members < len(self.tokens)).sum(-1).to(own.dtype)
        even = -sizes.log()[self.group_of]
        own_mass_of_token = own_mass.index_select(-1, self.group_of)
        share = torch.where(own_mass_of_token == -math.inf, even, own - own_mass_of_token)
        mass = self._group_log_mass(counterfactual)
        return mass.index_select(-1, self.counterpart[self.group_of]) + share

    def _group_log_mass(self, log_p: Tensor) -> Tensor:
        """`[..., K]` log-probabilities of tokens -> `[..., G]` of groups."""
        padded = torch.nn.functional.pad(log_p, (0, 1), value=-math.inf)
        return padded.index_select(-1, self.members.flatten()).unflatten(-1, self.members.shape).logsumexp(-1)


def _cased_groups(lexicon: Lexicon) -> Iterator[WordGroup]:
    for case, spell in (("lower", str.lower), ("title", str.capitalize), ("upper", str.upper)):
        for male, female in lexicon.groups(case):
            yield frozenset(map(spell, male)), frozenset(map(spell, female))


def _whole_word_tokens(tokenizer: PreTrainedTokenizerBase, words: set[str]) -> dict[str, int]:
    """The token of each word, with and without a leading space, if it stands for the whole word more often than not.

    How often a token is part of a longer word is estimated by tokenising a list of English words with their
    frequencies.
    """
    special = set(tokenizer.all_special_ids)
    token_of: dict[str, int] = {}
    ordered = sorted(words)
    for prefix in (" ", ""):
        for word, ids in zip(ordered, _encode_words(tokenizer, prefix, ordered), strict=True):
            if len(ids) == 1 and ids[0] not in special and cast(str, tokenizer.decode(ids)).strip() == word:
                token_of[prefix + word] = ids[0]

    whole: dict[int, float] = dict.fromkeys(token_of.values(), 0.0)
    part: dict[int, float] = dict.fromkeys(token_of.values(), 0.0)
    counts = read_word_counts()
    for (prefix, case), share in _SHARES.items():
        encoded = _encode_words(tokenizer, prefix, [case(word) for word in counts])
        for ids, count in zip(encoded, counts.values(), strict=True):
            occurrences = whole if len(ids) == 1 else part
            for token in ids:
                if token in occurrences:
                    occurrences[token] += share * count
    return {surface: token for surface, token in token_of.items() if whole[token] >= part[token]}


def _encode_words(tokenizer: PreTrainedTokenizerBase, prefix: str, words: list[str]) -> list[list[int]]:
    """The tokens of each word: with the prefix “ ” as within a text, otherwise as at its start."""
    # Some tokenizers prepend a symbol for a space to every text, even before a space: “ he” alone is “▁|▁he”.
    before = "," if prefix else ""
    head = tokenizer.encode(before, add_special_tokens=False)
    texts = [before + prefix + word for word in words]
    encoded = tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    return [
        ids[len(head) :] if ids[: len(head)] == head else tokenizer.encode(prefix + word, add_special_tokens=False)
        for word, ids in zip(words, encoded, strict=True)
    ]
