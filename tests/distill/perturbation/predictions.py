"""Predictions over a vocabulary of twelve tokens, some of them impossible, and a role reversal of that vocabulary."""

import math

import hypothesis.strategies as st
import torch
from torch import Tensor

from distill.perturbation.reversed_vocabulary import ReversedVocabulary

VOCABULARY = 12
GROUPS = [((0,), (1,)), ((2, 3), (4, 5)), ((6,), (7, 8, 9))]
PI = ReversedVocabulary.from_pairs(GROUPS)

finite = st.floats(-30, 30, width=32)
logits = st.lists(st.one_of(finite, st.just(-math.inf)), min_size=VOCABULARY - 1, max_size=VOCABULARY - 1)


@st.composite
def log_probabilities(draw: st.DrawFn) -> Tensor:
    return torch.tensor([*draw(logits), draw(finite)], dtype=torch.float64).log_softmax(-1)
