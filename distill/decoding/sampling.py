"""The settings of sampling."""

from dataclasses import dataclass

from distill.errors import UserError

_COLDEST = 1e-4
"""The lowest temperature; logits divided by a lower one may not be finite."""


@dataclass(frozen=True)
class Sampling:
    """How continuations are sampled.

    Attributes:
        max_new_tokens: Maximum number of tokens; there are fewer if the model ends its text.
        temperature: Divides the logits.
        top_p: Probability mass of the nucleus, in (0, 1].
        top_k: Number of most likely tokens kept before `top_p` applies; 0 keeps all, 1 is greedy.
        seed: Seed of every continuation.
        max_length: Maximum number of tokens of a prompt and its continuation together, as `generate` of `transformers`
            counts them; None for any.
    """

    max_new_tokens: int = 64
    temperature: float = 1.0
    top_p: float = 0.9
    top_k: int = 50
    seed: int = 0
    max_length: int | None = None

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise UserError(f"max_new_tokens is {self.max_new_tokens}; give at least 1")
        if not self.temperature >= _COLDEST:
            raise UserError(f"temperature is {self.temperature}; give at least {_COLDEST} (greedy: top_k 1)")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top_p is {self.top_p}; give a value in (0, 1]")
        if self.top_k < 0:
            raise UserError(f"top_k is {self.top_k}; give 0 for all tokens, or the number to keep")
        if not 0 <= self.seed < 2**63:
            raise UserError(f"seed is {self.seed}; give a whole number from 0 to 2^63 - 1")

    def new_tokens(self, prompt_length: int) -> int:
        """Return the maximum number of tokens after a prompt of a number of tokens; 0 or less if there is no room."""
        if self.max_length is None:
            return self.max_new_tokens
        return min(self.max_new_tokens, self.max_length - prompt_length)
