"""`distill quickstart`: runs standard commands on the recipes of configs/quickstart, and prints each of them."""

import logging
import shlex
import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

import yaml

from augment.runtime.locks import locked
from distill.cli import evaluate, report, train
from distill.cli.function_command import call_function
from distill.errors import Stopped, UserError
from distill.evaluation import load
from distill.quickstart.corpus import write_corpus
from distill.report.models import ReportedModel
from distill.report.table_formats import table
from distill.runtime.paths import check_writable

log = logging.getLogger(__name__)

MODELS = ("teacher", "plain", "counterfactual")
STUDENTS = MODELS[1:]
PAGE = "report.html"


def run(command: str, arguments: list[str]) -> None:
    """Run the quickstart."""
    call_function(quickstart, command, arguments)


def recipes() -> Path:
    """The folder configs/quickstart: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "configs" / "quickstart"
    return installed if installed.is_dir() else package.parent / "configs" / "quickstart"


def quickstart(output: Path = Path("quickstart"), configs: Path | None = None, seeds: int = 1) -> None:
    """Run the whole pipeline on a small corpus with a known bias, in minutes on a CPU.

    Trains a teacher, distils it twice (with its own predictions, and with counterfactual ones), evaluates all three
    models and writes a report. Steps whose result is already in the output folder are not repeated, so that a stopped
    run continues, even in the middle of a training.

    Args:
        output: Folder for everything that is written.
        configs: Folder of recipes to use instead of configs/quickstart: copy that one and change what you like.
        seeds: How many times to train each student, each time with another seed for its initialisation, the order of
            the text and what it generates. The report then judges the method instead of one training run. The teacher
            is trained once.

    Raises:
        UserError: If the number of seeds is below 1, the folder of recipes is incomplete, the output folder cannot be
            written, or another process is writing into it.
    """
    started = time.perf_counter()
    configs = configs or recipes()
    for name in ("corpus", "teacher", "plain", "counterfactual", "evaluation"):
        if not (configs / f"{name}.yaml").is_file():
            raise UserError(f"there is no recipe {name}.yaml in {str(configs)!r}")
    if seeds < 1:
        raise UserError(f"--seeds is {seeds}; give at least 1")
    check_writable(output)

    output.mkdir(parents=True, exist_ok=True)
    with locked(output / ".lock", partial(_refuse, output)):
        _run(output, configs, seeds)
    print(f"Done in {time.perf_counter() - started:.0f} s. Report, with generated texts: {(output / PAGE).resolve()}")


def _refuse(output: Path) -> None:
    raise UserError(
        f"another quickstart is writing into {str(output)!r}: wait until it ends, or choose another --output"
    )


@dataclass(frozen=True)
class _Run:
    """One training run of one model.

    Attributes:
        model: One of `MODELS`.
        seed: Counts the runs of a model from 1; the first run has the seeds of the recipes.
    """

    model: str
    seed: int

    @property
    def name(self) -> str:
        """Where it is below the output folder, and its name in messages."""
        return self.model if self.seed == 1 else f"seed{self.seed}/{self.model}"

    @property
    def recipes(self) -> list[str]:
        """The recipes that it is trained with, each on top of the one before."""
        return ["plain", "counterfactual"] if self.model == "counterfactual" else [self.model]


def _run(output: Path, configs: Path, seeds: int) -> None:
    corpus, runs = output / "corpus", output / "runs"
    if corpus.is_dir():
        print(f"{corpus} exists already and is kept. Remove {output} to start from scratch.")
    else:
        settings = yaml.safe_load((configs / "corpus.yaml").read_text(encoding="utf-8"))
        log.info("writing a corpus of %s documents to %s", f"{settings['train_documents']:,}", corpus)
        write_corpus(corpus, settings["seed"], settings["train_documents"], settings["validation_documents"])

    teacher = runs / "teacher" / "student"
    earlier = 1 + len(list(runs.glob("seed*")))
    students = [_Run(model, seed) for seed in range(1, max(seeds, earlier) + 1) for model in STUDENTS]
    wanted = [_Run("teacher", 1), *(student for student in students if student.seed <= seeds)]
    for training in wanted:
        _train(training, output, configs, stale=[training, *(students if training.model == "teacher" else [])])
    for training in wanted:
        if (output / training.name / "metrics.json").is_file():
            print(f"{output / training.name} exists already and is kept")
            continue
        _command(
            evaluate,
            "evaluate",
            f"--config={configs / 'evaluation.yaml'}",
            f"--model={runs / training.name / 'student'}",
            f"--prompts={corpus / 'prompts.jsonl'}",
            f"--text={corpus / 'validation.jsonl'}",
            f"--reference={teacher}",
            f"--output={output / training.name}",
            *([] if training.seed == 1 else [f"--seed={training.seed - 1}"]),
        )
    folders = {model: [output / each.name for each in wanted if each.model == model] for model in MODELS}
    named = [f"{model}={','.join(map(str, each))}" for model, each in folders.items()]
    _command(report, "report", *named, f"--output={output / PAGE}")
    models = [ReportedModel(model, tuple(map(load, each))) for model, each in folders.items()]
    print(f"\n{table(models)}\n")


def _train(training: _Run, output: Path, configs: Path, stale: list[_Run]) -> None:
    """Train one model, unless that is done; then what was made of its predecessors, the runs `stale`, is removed."""
    corpus, runs = output / "corpus", output / "runs"
    folder = runs / training.name
    if (folder / "student").is_dir():
        print(f"{folder / 'student'} exists already and is kept")
        return
    for each in stale:
        shutil.rmtree(output / each.name, ignore_errors=True)
        if each != training:
            shutil.rmtree(runs / each.name, ignore_errors=True)
    origin = f"--model.teacher.path={runs / 'teacher' / 'student'}"
    try:
        _command(
            train,
            "fit",
            *(f"--config={configs / name}.yaml" for name in training.recipes),
            f"--data.train={corpus / 'train.jsonl'}",
            f"--data.validation={corpus / 'validation.jsonl'}",
            f"--data.cache_dir={output / 'cache'}",
            f"--model.tokenizer={corpus / 'tokenizer'}" if training.model == "teacher" else origin,
            f"--trainer.default_root_dir={folder}",
            "--ckpt_path=last",
            *([] if training.seed == 1 else [f"--seed_everything={training.seed}"]),
        )
    except Stopped as stopped:
        stopped.message = f"while training {training.name}; the same command continues"
        raise


def _command(command: ModuleType, name: str, *arguments: str) -> None:
    print(f"\n$ distill {shlex.join([name, *arguments])}", flush=True)
    command.run(name, list(arguments))
