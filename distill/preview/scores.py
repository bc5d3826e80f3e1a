"""The scores of each target, compared with the factual teacher's on the same positions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.data.blocks import Block
from distill.evaluation.statistics.bootstrap import ratio_interval
from distill.perturbation.prefix_kinds import PrefixKind


def perplexities(nlls: NDArray[np.float64], scored: NDArray[np.bool_], seed: int) -> list[dict[str, Any]]:
    """Token perplexity of each target.

    Args:
        nlls: `[settings, blocks, length]` −log p″ of each label in nats, the factual target first.
        scored: `[blocks, length]` bool, which positions count.
        seed: Of the bootstrap over blocks.

    Returns:
        For each setting `value`; `nll`, the mean in nats; `tokens`; `ratio` of the value to the factual target's; and
        `ci95` of that ratio, None for the factual target itself and for a single block.
    """
    return [
        {
            "value": float(np.exp(mean)),
            "nll": mean,
            "tokens": int(scored.sum()),
            "ratio": float(np.exp(difference)),
            "ci95": None if bounds is None else [float(np.exp(bound)) for bound in bounds],
        }
        for mean, difference, bounds in _means(nlls, scored, seed)
    ]


def gendered_nlls(nlls: NDArray[np.float64], gendered: NDArray[np.bool_], seed: int) -> list[dict[str, Any]]:
    """Mean −log p″ of gendered tokens under each target: what it costs in coherence.

    Args:
        nlls: See `perplexities`.
        gendered: `[blocks, length]` bool, which positions count.
        seed: Of the bootstrap over blocks.

    Returns:
        For each setting `nll` in nats, None if there is no such token; `n`, their number; `difference` from the
        factual target's; and `ci95` of the difference.
    """
    n = int(gendered.sum())
    if n == 0:
        return [{"nll": None, "n": 0, "difference": None, "ci95": None} for _ in nlls]
    return [
        {"nll": mean, "n": n, "difference": difference, "ci95": bounds}
        for mean, difference, bounds in _means(nlls, gendered, seed)
    ]


def _means(
    nlls: NDArray[np.float64], chosen: NDArray[np.bool_], seed: int
) -> list[tuple[float, float, list[float] | None]]:
    """For each setting: mean over the chosen positions, difference from the first setting's, and its 95 % interval."""
    sums = np.where(chosen, nlls, 0).sum(-1)
    counts = chosen.sum(-1).astype(np.float64)
    means = sums.sum(-1) / counts.sum()
    return [
        (float(mean), float(mean - means[0]), ratio_interval(own - sums[0], counts, seed) if setting else None)
        for setting, (mean, own) in enumerate(zip(means, sums, strict=True))
    ]


def prefix_shares(blocks: Sequence[Block]) -> dict[str, Any]:
    """Shares of the kinds of prefixes and of blocks with a counterfactual pass.

    Returns:
        `prefixes`: for each kind of prefix its share of the positions; `rows_asked_twice`: the share of blocks that
        need a counterfactual pass of the teacher.
    """
    kinds = np.stack([block.prefix for block in blocks])
    return {
        "prefixes": {kind.name.lower(): float((kinds == kind).mean()) for kind in PrefixKind},
        "rows_asked_twice": float(np.mean([len(block.positions) > 0 for block in blocks])),
    }
