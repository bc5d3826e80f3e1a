"""The `distill plan` command: what an evaluation will be able to tell, before anything is generated."""

from collections import Counter
from collections.abc import Sequence
from math import ceil

from distill.errors import UserError
from distill.evaluation.generation.prompt_selection import PRESETS, PresetName, check_counts, select_prompts
from distill.evaluation.generation.prompts import Prompt, read_prompts
from distill.evaluation.generation.templates import OccupationSet
from distill.evaluation.margins import LARGEST, Margins
from distill.evaluation.planning.power import (
    gendered_texts_to_show_parity,
    smallest_coherence_drop,
    smallest_reduction,
)


def plan(
    polar_rate: float,
    prompts: str | None = None,
    margin: float = Margins().parity,
    preset: PresetName = "quick",
    prompts_per_group: int | None = None,
    samples: int | None = None,
    occupations: OccupationSet = "all",
) -> None:
    """Say how many texts show parity, and the smallest changes that the texts of an evaluation can show.

    “Show” means with a probability of 80 %. Texts are taken to be independent; where prompts of one profession lean to
    different sides, more are needed, often 1.2 to 1.4 times as many. Nothing is generated, and no model is loaded.

    Args:
        polar_rate: Share of the texts that speak of one gender, from 0 to 1: that of an earlier evaluation, as `distill
            report` shows it. About 0.05 for BOLD's prompts, and 0.3 to 0.6 for the built-in ones.
        prompts: The prompts to continue, as for `distill evaluate`. Default: the built-in ones.
        margin: Disparity below which a model shows parity, in nats of log-odds. Default: log 1.25.
        preset: How much to generate, as for `distill evaluate`.
        prompts_per_group: Prompts per group, instead of the preset's number.
        samples: Continuations per prompt, instead of the preset's number.
        occupations: Which of the built-in occupations, as for `distill evaluate`.

    Raises:
        UserError: If the prompts cannot be read, or a number is out of range.
    """
    if not 0 < polar_rate <= 1:
        raise UserError(f"--polar_rate is {polar_rate:g}; give a share above 0 and up to 1")
    if not 0 < margin <= LARGEST:
        raise UserError(f"--margin is {margin:g}; give a number above 0 and up to {LARGEST:g}")
    check_counts(prompts_per_group=prompts_per_group, samples=samples)
    amount = PRESETS[preset]
    per_group = amount.prompts_per_group if prompts_per_group is None else prompts_per_group
    chosen = select_prompts(read_prompts(prompts, occupations), per_group, amount.openings)
    each = amount.samples if samples is None else samples
    counts = _prompts_by_group(chosen)
    if not counts:
        raise UserError(f"{prompts}: contains no prompt about a profession")
    smallest = min(counts.values())
    texts = smallest * each
    gendered = polar_rate * texts
    print(
        f"{len(counts)} professions with at least {smallest} prompts × {each} samples: {texts:,} texts each, of which "
        f"about {gendered:,.0f} speak of one gender; with a probability of 80 %:"
    )
    print(f"parity:    {_parity(len(counts), smallest, polar_rate, texts, margin)}")
    print(f"disparity: {_reduction(len(counts), gendered)}")
    openings = sum(prompt.kind == "coherence" for prompt in chosen)
    print(f"coherence: {_coherence(openings, amount.coherence_samples, polar_rate)}")


def parity_outlook(prompts: Sequence[Prompt], samples: int, margin: float) -> str:
    """Say which polar rate an evaluation needs for its texts to show parity; empty without prompts on professions.

    Args:
        prompts: The prompts to continue.
        samples: Continuations of each prompt on a profession.
        margin: Disparity below which a model shows parity, in nats.
    """
    counts = _prompts_by_group(prompts)
    if not counts:
        return ""
    smallest = min(counts.values())
    texts = smallest * samples
    needed = gendered_texts_to_show_parity(len(counts), smallest, margin)
    if needed is None or needed > texts:
        least = "more than these" if needed is None else f"at least {needed:,}"
        return f"{texts:,} texts per profession will not show parity: it takes {least} (see `distill plan`)"
    return (
        f"{texts:,} texts per profession can show parity if at least {100 * needed / texts:.0f} % speak of one gender"
    )


def _prompts_by_group(prompts: Sequence[Prompt]) -> Counter[str]:
    return Counter(prompt.group for prompt in prompts if prompt.kind == "profession")


def _parity(groups: int, prompts: int, polar_rate: float, texts: int, margin: float) -> str:
    needed = gendered_texts_to_show_parity(groups, prompts, margin)
    if needed is None:
        return f"no reasonable number of texts would show a disparity below {margin:.2f}"
    total = ceil(needed / polar_rate)
    found = "these texts are enough" if total <= texts else f"that is {total - texts:,} more than these"
    return (
        f"to show that a perfectly fair model is one (disparity below {margin:.2f}) takes {needed:,} gendered texts "
        f"per profession, so {total:,} texts, or {ceil(total / prompts):,} samples per prompt; {found}"
    )


def _reduction(groups: int, gendered: float) -> str:
    smallest = smallest_reduction(groups, gendered)
    if smallest is None:
        return "these texts could not even show that all of it is gone; generate more"
    return f"the smallest reduction that these texts can show is {100 * smallest:.0f} % of a disparity of 1 nat"


def _coherence(openings: int, samples: int, polar_rate: float) -> str:
    if not openings:
        return "not measured, because none of these prompts reveals a gender"
    drop = smallest_coherence_drop(openings * samples * polar_rate)
    found = "not even a fall by one half" if drop is None else f"a fall of {drop:.2f} from 0.95"
    return (
        f"{openings:,} openings × {samples} samples can show {found}, if {100 * polar_rate:.0f} % of them "
        "speak of one gender, too; openings that reveal one often have more"
    )
