"""Which continuations are generated together.

It follows from the prompts and the batch size alone: a run that was killed goes on with the very batches it would have
made, and several processes make the same ones as one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from distill.evaluation.generation.decoding import Continuation, Sampling, continue_prompts
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.scored_model import ScoredModel

_WINDOW = 8192
"""Continuations of neighbouring prompts that are sorted by length: memory holds no more of them at a time."""


@dataclass(frozen=True)
class GenerationPlan:
    """The continuations to generate with a model.

    Attributes:
        prompts: The prompts.
        lengths: Tokens of each prompt.
        samples: Continuations of each prompt.
        sampling: How to sample them.
        batch_size: Continuations at a time; changes nothing but speed and memory.
    """

    prompts: Sequence[Prompt]
    lengths: Sequence[int]
    samples: int
    sampling: Sampling
    batch_size: int

    @property
    def rows(self) -> int:
        """Number of continuations."""
        return len(self.prompts) * self.samples

    def prompt_of(self, row: int) -> tuple[Prompt, int]:
        """The prompt and the number of the sample in a row of the table, which goes prompt by prompt."""
        return self.prompts[row // self.samples], row % self.samples

    def windows(self) -> Iterator[list[list[int]]]:
        """The batches of each window of neighbouring rows; longest prompts first, so that little is padded."""
        for start in range(0, self.rows, _WINDOW):
            rows = range(start, min(start + _WINDOW, self.rows))
            longest_first = sorted(rows, key=lambda row: -self.lengths[row // self.samples])
            yield [longest_first[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]

    def generate(self, scored_model: ScoredModel, rows: Sequence[int]) -> list[Continuation]:
        """The continuations of a batch, with the model that has been loaded."""
        return continue_prompts(scored_model, [self.prompt_of(row) for row in rows], self.sampling)

    def batches(self) -> Iterator[list[int]]:
        """The batches of all windows."""
        for window in self.windows():
            yield from window
