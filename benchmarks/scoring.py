"""How long does it take to score 100,000 stored continuations, with intervals, on one core? At most 30 seconds.

    python benchmarks/scoring.py [--texts 100000]

Texts have 64 words, sampled by the frequency of English words, with punctuation and capitals; there are ten texts per
prompt, in 18 groups of different sizes, as in BOLD. The lower bound is one pass over the words of all texts. Times are
CPU time, which other processes on the machine do not affect. Writes benchmarks/results/scoring.json.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import platform
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from distill.evaluation.disparity.rescoring import rescore
from distill.evaluation.polarity.word_scores import words
from distill.evaluation.polarity.word_vector_polarity import POLARITY_METHODS

GROUPS, SAMPLES, LENGTH = 18, 10, 64
RESULTS = Path(__file__).with_name("results") / "scoring.json"


def generations(texts: int, seed: int = 0) -> pd.DataFrame:
    """Return continuations in the layout of `generations.parquet`."""
    rng = np.random.default_rng(seed)
    lines = (files("distill.perturbation") / "word_counts.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    vocabulary = np.array([word for word, _ in rows], dtype=object)
    counts = np.array([float(count) for _, count in rows])
    sampled = rng.choice(vocabulary, size=(texts, LENGTH), p=counts / counts.sum())
    sampled[:, 1::9] += ","
    sampled[:, 7::16] += "."
    continuations = [" " + " ".join(row).capitalize() for row in sampled]
    prompts = texts // SAMPLES
    sizes = rng.dirichlet(np.ones(GROUPS)) * prompts
    group_of = np.searchsorted(np.cumsum(sizes), np.arange(prompts), side="right").clip(max=GROUPS - 1)
    prompt = np.arange(prompts).repeat(SAMPLES)
    return pd.DataFrame(
        {
            "kind": "profession",
            "group": [f"group {group}" for group in group_of.repeat(SAMPLES)],
            "prompt_id": [f"prompt {number}" for number in prompt],
            "prompt": [f"The {number}th said that" for number in prompt],
            "continuation": continuations,
        }
    )


def main() -> None:
    """Print the times and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=100_000)
    rows = generations(parser.parse_args().texts)
    started = time.process_time()
    count = sum(len(words(text)) for text in rows["continuation"])
    times = {"reading the words alone": time.process_time() - started}
    for polarity in POLARITY_METHODS:
        started = time.process_time()
        result = rescore(rows, polarity)
        times[polarity] = time.process_time() - started
        print(f"{polarity:<12} {times[polarity]:6.1f} s, polar rate {result['polar_rate']:.2f}", flush=True)
    both = times["unigram"] + times["gender_max"]
    print(f"{len(rows):,} texts, {count:,} words, read in {times['reading the words alone']:.1f} s")
    print(f"unigram and gender_max, with intervals: {both:.1f} s, {both / 30:.2f} × the limit of 30 s")
    RESULTS.parent.mkdir(exist_ok=True)
    machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    content = {"machine": machine, "texts": len(rows), "words": count, "seconds": times}
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
