"""Simulate evaluations to check the coverage of the intervals and the type I error rate of the tests.

    python benchmarks/coverage.py [--worlds 2000] [--workers 2] [--only WORD] [--sections parity …]

Each world is an evaluation of 18 groups × 50 prompts × 5 texts (unless stated otherwise), scored by the functions that
`distill evaluate` and `distill report` call. Each world samples new prompts. The log-odds of a prompt are normally
distributed around those of its group, with standard deviation *spread*; the rate at which it speaks of a gender varies
with *polar_spread*. The truth is the expectation over all such prompts. Writes benchmarks/results/coverage.json.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import NormalDist

import numpy as np
import paired_worlds
import pandas as pd
import parity_worlds
import pronoun_worlds
import run_worlds
from numpy.typing import NDArray

from distill.evaluation.disparity.coherence import coherence
from distill.evaluation.disparity.comparison import compare
from distill.evaluation.disparity.fair_baseline import fair_ratio
from distill.evaluation.disparity.scores import disparity
from distill.evaluation.likelihood.perplexity import perplexity

GROUPS = 18
LABELS = np.array(["female", "male", "neutral"], dtype=object)
RESULTS = Path(__file__).with_name("results") / "coverage.json"


@dataclass(frozen=True)
class World:
    """How a model writes.

    Attributes:
        lean: Log-odds of women against men: (mean over groups, standard deviation over groups). The groups are at
            quantiles of the normal distribution, the same in every evaluation.
        spread: Standard deviation of prompts' log-odds around those of their group.
        polar: Share of texts that speak of a gender.
        polar_spread: Standard deviation of prompts' shares around it, on the log-odds scale.
        prompts: Prompts per group.
        samples: Texts per prompt.
    """

    lean: tuple[float, float] = (0.0, 0.0)
    spread: float = 0.0
    polar: float = 0.3
    polar_spread: float = 0.0
    prompts: int = 50
    samples: int = 5

    @property
    def leans(self) -> NDArray[np.float64]:
        """Log-odds of each group, `[groups]`."""
        ranks = (np.arange(GROUPS) + 0.5) / GROUPS
        return self.lean[0] + self.lean[1] * _normal_quantiles(ranks)

    def draw(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sample prompts: their deviations in log-odds, and their shares of gendered texts, `[groups, count]`."""
        deviations = rng.normal(0, self.spread, size=(GROUPS, count))
        shares = _logistic(np.log(self.polar / (1 - self.polar)) + rng.normal(0, self.polar_spread, (GROUPS, count)))
        return deviations, shares

    def probabilities(
        self, deviations: NDArray[np.float64], shares: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the probabilities of a female and of a male text, `[groups, prompts]`."""
        women = _logistic(self.leans[:, None] + deviations)
        return shares * women, shares * (1 - women)

    def truth(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the true log-odds and difference of each group, from 200,000 prompts."""
        female, male = self.probabilities(*self.draw(np.random.default_rng(9), 200_000))
        if not any(self.lean):  # fair by construction
            return np.zeros(GROUPS), np.zeros(GROUPS)
        return np.log(female.mean(1) / male.mean(1)), female.mean(1) - male.mean(1)

    def write(
        self, rng: np.random.Generator, deviations: NDArray[np.float64], shares: NDArray[np.float64]
    ) -> NDArray[np.object_]:
        """Sample labels `[groups, prompts, samples]`."""
        female, male = (p[..., None] for p in self.probabilities(deviations, shares))
        draws = rng.random((*deviations.shape, self.samples))
        return LABELS[np.where(draws < female, 0, np.where(draws < female + male, 1, 2))]


def identifiers(prompts_each: int, samples: int) -> tuple[list[str], list[str]]:
    """Return the group and the prompt of each text."""
    groups = np.repeat([f"group {group}" for group in range(GROUPS)], prompts_each * samples)
    prompts = np.repeat([f"prompt {prompt}" for prompt in range(GROUPS * prompts_each)], samples)
    return groups.tolist(), prompts.tolist()


_BIASED = World(lean=(-0.3, 1.0), spread=1.0)
_FAR = World(lean=(-2.0, 0.0))
INTERVALS = {
    "fair, polar .30": World(),
    "fair, prompts lean": World(spread=1.0),
    "fair, polar .07": World(polar=0.066),
    "fair, prompts lean far": World(spread=2.0, polar_spread=1.0),
    "groups lean by 1": _BIASED,
    "groups lean by 1, polar .07": replace(_BIASED, polar=0.066, polar_spread=1.0, samples=10),
    "fair, polar .01": World(polar=0.01),
    "fair, polar .05, 6 × 4": World(polar=0.05, prompts=6, samples=4),
    "fair, polar .10, 6 × 4": World(polar=0.1, prompts=6, samples=4),
    "fair, prompts lean, polar .60, 2 × 10": World(spread=1.0, polar=0.6, prompts=2, samples=10),
    "groups lean by 1, polar .01": replace(_BIASED, polar=0.01),
    "all lean by 2, polar .02": replace(_FAR, polar=0.02),
}
TESTS = {
    "both fair": (World(), World()),
    "equally biased": (_BIASED, _BIASED),
    "equally biased, polar .07": (replace(_BIASED, polar=0.066, samples=10),) * 2,
    "both fair, .30 against .10": (World(), World(polar=0.1)),
    "equally biased, .30 against .15": (_BIASED, replace(_BIASED, polar=0.15)),
    "both fair, .10 against .01": (World(polar=0.1), World(polar=0.01)),
    "both fair, .30 against .02": (World(), World(polar=0.02)),
    "both fair, .20 against .05, 6 × 4": (
        World(polar=0.2, prompts=6, samples=4),
        World(polar=0.05, prompts=6, samples=4),
    ),
    "equally biased, .30 against .01": (_BIASED, replace(_BIASED, polar=0.01)),
    "equally biased, .30 against .02": (_BIASED, replace(_BIASED, polar=0.02)),
    "equally biased, .30 against .05": (_BIASED, replace(_BIASED, polar=0.05)),
    "all lean by 2, .30 against .02": (_FAR, replace(_FAR, polar=0.02)),
}
DOCUMENTS = {f"perplexity, {count} documents": count for count in (2, 3, 5, 10, 50)}
KEPT = {
    "coherence .90, 4 × 2": (0.9, 0.0, 4, 2),
    "coherence .95, 48 × 1": (0.95, 0.0, 48, 1),
    "coherence .98, 48 × 4": (0.98, 0.0, 48, 4),
    "coherence .90, 6 × 5, prompts differ": (0.9, 0.2, 6, 5),
    "coherence .90, 48 × 5, prompts differ": (0.9, 0.2, 48, 5),
}
"""Share that keeps the gender; correlation of two texts of a prompt; number of prompts; texts per prompt."""


def evaluation(world: World, seed: int) -> dict[str, float]:
    """Simulate an evaluation: do its intervals contain the truth, and is its ratio below a fair model's?"""
    rng = np.random.default_rng(seed)
    labels = world.write(rng, *world.draw(rng, world.prompts))
    result = disparity(
        *identifiers(*labels.shape[1:]), labels.ravel().tolist(), seed=seed, draws=1000, simulations=2000
    )
    odds, differences = TRUTHS[world]
    scores = result["groups"].values()
    return {
        "log-odds": _holds(result["ci95"], odds.mean()),
        "difference": _holds(result["difference_ci95"], differences.mean()),
        "a group's log-odds": _mean(_holds(score["ci95"], odds[i]) for i, score in enumerate(scores)),
        "a group's difference": _mean(
            _holds(score["difference_ci95"], differences[i]) for i, score in enumerate(scores)
        ),
        "mean ratio below fair_low": float(result["mean_ratio"] < result["fair_low"]),
        "RMS": _holds(result["rms_log_odds"]["ci95"], float(np.sqrt((odds**2).mean()))),
    }


def frame(labels: NDArray[np.object_], model: str) -> pd.DataFrame:
    """Return labels in the form of `label_generations`."""
    groups, prompts = identifiers(*labels.shape[1:])
    samples = np.tile(np.arange(labels.shape[2]), GROUPS * labels.shape[1])
    columns = {"group": groups, "prompt_id": prompts, "prompt": prompts, "sample": samples, "polarity": labels.ravel()}
    sampling = {"temperature": 1.0, "top_p": 0.9, "top_k": 50, "max_new_tokens": 64}
    return pd.DataFrame(columns).assign(**sampling, include_prompt=False, continuation=f"as {model} has it")


def pair(worlds: tuple[World, World], seed: int) -> dict[str, float]:
    """Simulate two equally biased models on the same prompts: which tests say that they differ?"""
    rng = np.random.default_rng(seed)
    deviations, shares = worlds[0].draw(rng, worlds[0].prompts)
    odds = [np.log(world.polar / (1 - world.polar)) for world in worlds]
    moved = _logistic(np.log(shares / (1 - shares)) + odds[1] - odds[0])
    first, second = worlds[0].write(rng, deviations, shares), worlds[1].write(rng, deviations, moved)
    comparison = compare(frame(first, "one"), frame(second, "another"), draws=500, seed=seed)
    found = {
        "disparity": comparison.disparity.p < 0.05,
        "disparity's interval": not comparison.disparity.ci95[0] <= 0 <= comparison.disparity.ci95[1],
        "log-odds": comparison.log_odds.p < 0.05,
        "a group": _mean(change.p < 0.05 for change in comparison.by_group.values()),
        "any group, Holm": any(change.p_holm < 0.05 for change in comparison.by_group.values()),
    }
    return {name: float(value) for name, value in found.items()}


def documents(count: int, seed: int) -> dict[str, float]:
    """Simulate a perplexity over documents of 100 to 800 tokens, with normally distributed nats per token around 3."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(100, 800, count).astype(np.float64)
    bounds = perplexity(tokens * rng.normal(3, 0.3, count), tokens, tokens, tokens, 1, seed, draws=1000)["ci95"]
    return {"interval": _holds(bounds, np.exp(3))}


def kept(case: tuple[float, float, int, int], seed: int) -> dict[str, float]:
    """Simulate a coherence of texts, 60 % of them gendered; the share kept by a prompt has a beta distribution."""
    share, correlation, prompts, samples = case
    rng = np.random.default_rng(seed)
    spread = 1 / correlation - 1 if correlation else 0
    shares = rng.beta(share * spread, (1 - share) * spread, prompts) if spread else np.full(prompts, share)
    labels = np.where(rng.random((prompts, samples)) < shares[:, None], "female", "mixed").astype(object)
    labels[rng.random((prompts, samples)) >= 0.6] = "neutral"
    rows = ((str(prompt), "female", label) for prompt, row in enumerate(labels) for label in row)
    return {"interval": _holds(coherence(rows, seed, draws=1000)["ci95"], share)}


def fair_by_hand(polar: int) -> tuple[float, float]:
    """Return the `fair_ratio` of a number of polar texts, and the mean over a million simulated fair models."""
    female = np.random.default_rng(0).binomial(polar, 0.5, size=1_000_000)
    fewer = np.minimum(female, polar - female)
    return fair_ratio(polar), float((fewer / (polar - fewer)).mean())


def _holds(bounds: list[float] | None, truth: float) -> float:
    return float("nan") if bounds is None else float(bounds[0] <= truth <= bounds[1])


def _mean(values: Iterable[float]) -> float:
    return float(np.nanmean(list(values)))


def _logistic(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-odds))


def _normal_quantiles(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([NormalDist().inv_cdf(rank) for rank in ranks])


TRUTHS = {world: world.truth() for world in INTERVALS.values()}


def simulate(
    section: str,
    title: str,
    cases: dict[str, object],
    one: Callable[..., dict[str, float]],
    options: argparse.Namespace,
) -> None:
    """For each case, print and write the mean of each result over the worlds."""
    print(f"\n{title}, {options.worlds} worlds each")
    for name, case in cases.items():
        if options.only not in name:
            continue
        started = time.perf_counter()
        with ProcessPoolExecutor(options.workers) as pool:
            rows = pd.DataFrame(pool.map(partial(one, case), range(options.worlds), chunksize=20))
        figures = rows.mean().round(4).to_dict()
        shares = ", ".join(f"{measure} {100 * share:.1f} %" for measure, share in figures.items())
        print(f"  {name:<34} {shares}  ({time.perf_counter() - started:.0f} s)", flush=True)
        write(section, name, {"worlds": options.worlds, **figures})


def write(section: str, name: str, figures: object) -> None:
    """Add one entry to the results."""
    RESULTS.parent.mkdir(exist_ok=True)
    content = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    content.setdefault(section, {})[name] = figures
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


def fair_ratios(options: argparse.Namespace) -> None:
    """Compare `fair_mean_ratio` with simulated fair models."""
    print("fair_mean_ratio, and the mean of a million fair models")
    for polar in (4, 20, 100, 1000):
        ours, simulated = fair_by_hand(polar)
        print(f"  {polar:>5} polar texts: {ours:.4f}, {simulated:.4f}")
        write("fair_mean_ratio", str(polar), {"ours": round(ours, 5), "simulated": round(simulated, 5)})


def parity(options: argparse.Namespace) -> None:
    """How often is parity shown and refuted, and do the texts that `distill plan` asks for show it?"""
    print(f"\nParity, {options.worlds} worlds each")
    for cell in parity_worlds.CELLS:
        if options.only in cell.name:
            figures = parity_worlds.verdicts(cell, options.worlds)
            print(f"  {cell.name:<52} shown {figures['shown']:.4f}, refuted {figures['refuted']:.4f}", flush=True)
            write("parity", cell.name, {"worlds": options.worlds, **figures})
    for groups, prompts in parity_worlds.PLANS:
        figures = parity_worlds.power_of_plan((groups, prompts), options.worlds)
        print(f"  plan for {groups} groups of {prompts} prompts: {figures}", flush=True)
        write("plan", f"{groups} groups, {prompts} prompts", {"worlds": options.worlds, **figures})


def runs(options: argparse.Namespace) -> None:
    """How often is parity shown and refuted of a training method?"""
    simulate("parity_over_runs", "Parity over training runs", run_worlds.METHODS, run_worlds.run, options)


def coverage(options: argparse.Namespace) -> None:
    """Do the intervals of one evaluation contain the truth?"""
    simulate("coverage", "95 % intervals that contain the truth", INTERVALS, evaluation, options)
    simulate("coverage", "The same for perplexity", DOCUMENTS, documents, options)
    simulate("coverage", "The same for coherence", KEPT, kept, options)


def paired(options: argparse.Namespace) -> None:
    """Do the intervals of a comparison contain the truth?"""
    title = "95 % intervals of paired prices that contain the truth, and “not worse” at the margin"
    simulate("paired_prices", title, paired_worlds.PRICES, paired_worlds.run, options)
    title = "95 % intervals of a change of disparity that contain the truth"
    simulate("paired_disparity", title, paired_worlds.DISPARITIES, paired_worlds.run, options)


def pronouns(options: argparse.Namespace) -> None:
    """Does the interval of the pronoun gap contain the truth?"""
    simulate("pronoun_gap", "The same for the pronoun gap", pronoun_worlds.WORLDS, pronoun_worlds.run, options)


def tests(options: argparse.Namespace) -> None:
    """Do the tests find differences that do not exist?"""
    simulate("test_size", "Tests at 5 % that find a difference that does not exist", TESTS, pair, options)


SECTIONS = {
    "fair_ratios": fair_ratios,
    "parity": parity,
    "runs": runs,
    "coverage": coverage,
    "paired": paired,
    "pronouns": pronouns,
    "tests": tests,
}


def main() -> None:
    """Print the results and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="only the cases with this in their name")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    options = parser.parse_args()
    for section in options.sections:
        SECTIONS[section](options)


if __name__ == "__main__":
    main()
