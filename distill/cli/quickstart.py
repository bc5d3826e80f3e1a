"""`distill quickstart`: runs standard commands on the recipes of configs/quickstart, and prints each of them."""

import logging
import shlex
import shutil
import time
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
from distill.report.models import single_runs
from distill.report.table_formats import table
from distill.runtime.paths import check_writable

log = logging.getLogger(__name__)

MODELS = ("teacher", "plain", "counterfactual")
PAGE = "report.html"


def run(command: str, arguments: list[str]) -> None:
    """Run the quickstart."""
    call_function(quickstart, command, arguments)


def recipes() -> Path:
    """The folder configs/quickstart: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "configs" / "quickstart"
    return installed if installed.is_dir() else package.parent / "configs" / "quickstart"


def quickstart(output: Path = Path("quickstart"), configs: Path | None = None) -> None:
    """Run the whole pipeline on a small corpus with a known bias, in minutes on a CPU.

    Trains a teacher, distils it twice (with its own predictions, and with counterfactual ones), evaluates all three
    models and writes a report. Steps whose result is already in the output folder are not repeated, so that a stopped
    run continues, even in the middle of a training.

    Args:
        output: Folder for everything that is written.
        configs: Folder of recipes to use instead of configs/quickstart: copy that one and change what you like.

    Raises:
        UserError: If the folder of recipes is incomplete, the output folder cannot be written, or another process is
            writing into it.
    """
    started = time.perf_counter()
    configs = configs or recipes()
    for name in ("corpus", "teacher", "plain", "counterfactual", "evaluation"):
        if not (configs / f"{name}.yaml").is_file():
            raise UserError(f"there is no recipe {name}.yaml in {str(configs)!r}")
    check_writable(output)

    output.mkdir(parents=True, exist_ok=True)
    with locked(output / ".lock", partial(_refuse, output)):
        _run(output, configs)
    print(f"Done in {time.perf_counter() - started:.0f} s. Report, with generated texts: {(output / PAGE).resolve()}")


def _refuse(output: Path) -> None:
    raise UserError(
        f"another quickstart is writing into {str(output)!r}: wait until it ends, or choose another --output"
    )


def _run(output: Path, configs: Path) -> None:
    corpus, runs = output / "corpus", output / "runs"
    if corpus.is_dir():
        print(f"{corpus} exists already and is kept. Remove {output} to start from scratch.")
    else:
        settings = yaml.safe_load((configs / "corpus.yaml").read_text(encoding="utf-8"))
        log.info("writing a corpus of %s documents to %s", f"{settings['train_documents']:,}", corpus)
        write_corpus(corpus, settings["seed"], settings["train_documents"], settings["validation_documents"])

    text = [
        f"--data.train={corpus / 'train.jsonl'}",
        f"--data.validation={corpus / 'validation.jsonl'}",
        f"--data.cache_dir={output / 'cache'}",
    ]
    teacher = runs / "teacher" / "student"
    origins = {
        "teacher": f"--model.tokenizer={corpus / 'tokenizer'}",
        "plain": f"--model.teacher.path={teacher}",
        "counterfactual": f"--model.teacher.path={teacher}",
    }
    overlays = {"counterfactual": ["plain", "counterfactual"]}
    for model in MODELS:
        if (runs / model / "student").is_dir():
            print(f"{runs / model / 'student'} exists already and is kept")
            continue
        # Students of an earlier teacher, and evaluations of earlier students, are stale.
        for stale in MODELS if model == "teacher" else (model,):
            shutil.rmtree(output / stale, ignore_errors=True)
            if stale != model:
                shutil.rmtree(runs / stale, ignore_errors=True)
        recipe = [f"--config={configs / name}.yaml" for name in overlays.get(model, [model])]
        options = [origins[model], f"--trainer.default_root_dir={runs / model}", "--ckpt_path=last"]
        try:
            _command(train, "fit", *recipe, *text, *options)
        except Stopped as stopped:
            stopped.message = f"while training {model}; the same command continues"
            raise
    for model in MODELS:
        if (output / model / "metrics.json").is_file():
            print(f"{output / model} exists already and is kept")
            continue
        _command(
            evaluate,
            "evaluate",
            f"--config={configs / 'evaluation.yaml'}",
            f"--model={runs / model / 'student'}",
            f"--prompts={corpus / 'prompts.jsonl'}",
            f"--text={corpus / 'validation.jsonl'}",
            f"--reference={teacher}",
            f"--output={output / model}",
        )
    _command(report, "report", *(str(output / model) for model in MODELS), f"--output={output / PAGE}")

    print(f"\n{table(single_runs([load(output / model) for model in MODELS]))}\n")


def _command(command: ModuleType, name: str, *arguments: str) -> None:
    print(f"\n$ distill {shlex.join([name, *arguments])}", flush=True)
    command.run(name, list(arguments))
