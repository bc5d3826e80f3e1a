"""Which continuations are generated together.

The batches depend only on the prompts and the batch size: a run that was killed resumes with exactly the batches that
were left, and several processes generate the same batches as one.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from distill.decoding.sampling import Sampling
from distill.evaluation.generation.decoding import Continuation, continue_prompts
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.scored_model import ScoredModel

_WINDOW = 8192
"""Continuations of neighbouring prompts that are sorted by length; no more of them are in memory at a time."""


@dataclass(frozen=True)
class GenerationPlan:
    """The continuations to generate with a model.

    Attributes:
        prompts: The prompts.
        lengths: Number of tokens of each prompt.
        samples: Continuations of each prompt.
        sampling: How to sample them.
        batch_size: Continuations generated at a time; changes only speed and memory.
    """

    prompts: Sequence[Prompt]
    lengths: Sequence[int]
    samples: Sequence[int]
    sampling: Sampling
    batch_size: int

    @cached_property
    def _ends(self) -> list[int]:
        """The row after the last one of each prompt."""
        return list(accumulate(self.samples))

    def _index(self, row: int) -> int:
        return bisect_right(self._ends, row)

    @property
    def rows(self) -> int:
        """Number of continuations."""
        return self._ends[-1] if self._ends else 0

    def prompt_of(self, row: int) -> tuple[Prompt, int]:
        """Return the prompt and the sample number for a row of the table, whose rows are ordered by prompt."""
        index = self._index(row)
        return self.prompts[index], row - self._ends[index] + self.samples[index]

    def windows(self) -> Iterator[list[list[int]]]:
        """Yield the batches of each window of neighbouring rows, longest prompts first to keep padding low."""
        for start in range(0, self.rows, _WINDOW):
            rows = range(start, min(start + _WINDOW, self.rows))
            longest_first = sorted(rows, key=lambda row: -self.lengths[self._index(row)])
            yield [longest_first[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]

    def generate(self, scored_model: ScoredModel, rows: Sequence[int]) -> list[Continuation]:
        """Generate the continuations of a batch."""
        return continue_prompts(scored_model, [self.prompt_of(row) for row in rows], self.sampling)

    def batches(self) -> Iterator[list[int]]:
        """Yield the batches of all windows."""
        for window in self.windows():
            yield from window
