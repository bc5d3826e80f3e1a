"""The models of a report: each has a name, and one evaluation for each of its training runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.errors import UserError
from distill.evaluation import Evaluation, load
from distill.evaluation.comparability import get
from distill.report.formatting import clean
from distill.runtime.paths import expand_user


@dataclass(frozen=True)
class ReportedModel:
    """One model of a report: one column of its tables.

    Attributes:
        name: Its title.
        runs: The evaluations of its training runs, which differ in their seeds; at least one.
    """

    name: str
    runs: tuple[Evaluation, ...]

    @property
    def first(self) -> Evaluation:
        """The first run: bars and texts to browse are its."""
        return self.runs[0]


def load_models(arguments: Sequence[Path], baseline: str | None = None) -> list[ReportedModel]:
    """Load the models that the command line names.

    Args:
        arguments: Each a folder that `distill evaluate` wrote, or NAME=FOLDER[,FOLDER …]: a name, and a folder for each
            training run. What exists as given is a folder, whatever characters its path contains.
        baseline: Name of the model that comes first; the others keep their order. None: the first one given.

    Raises:
        UserError: If there is no model, a name or folder is empty or given twice, a folder holds no finished
            evaluation, two runs of a model have the same weights, or no model has the name of the baseline.
    """
    if not arguments:
        raise UserError("give at least one folder that `distill evaluate` wrote")
    parsed = [_parse(argument) for argument in arguments]
    _refuse_repetitions([name for name, _ in parsed if name], [folder for _, folders in parsed for folder in folders])
    runs = [tuple(load(folder) for folder in folders) for _, folders in parsed]
    for of_model in runs:
        _refuse_copies(of_model)
    names = titles([of_model[0] for of_model in runs], [name for name, _ in parsed])
    models = [ReportedModel(name, of_model) for name, of_model in zip(names, runs, strict=True)]
    if baseline is None:
        return models
    if clean(baseline) not in names:
        raise UserError(f"--baseline {clean(baseline)}: no model has this name; choose from {', '.join(names)}")
    return sorted(models, key=lambda model: model.name != clean(baseline))


def single_runs(evaluations: Sequence[Evaluation]) -> list[ReportedModel]:
    """Make a model of each evaluation, named by its metrics."""
    return [ReportedModel(name, (each,)) for name, each in zip(titles(evaluations), evaluations, strict=True)]


def titles(evaluations: Sequence[Evaluation], given: Sequence[str | None] | None = None) -> list[str]:
    """Name each evaluation.

    Args:
        evaluations: The evaluations.
        given: The name that the user gave each, or None.

    Returns:
        The given names; for the others their models', with as much of the folder as tells models of one name apart.
    """
    given = given or [None] * len(evaluations)
    names = [
        name or clean(get(evaluation.metrics, "model", "name") or evaluation.path.name)
        for name, evaluation in zip(given, evaluations, strict=True)
    ]
    folders = [evaluation.path.resolve() for evaluation in evaluations]
    result = []
    for name, folder, kept in zip(names, folders, given, strict=True):
        namesakes = [other for title, other in zip(names, folders, strict=True) if title == name]
        alone = kept is not None or len(namesakes) == 1
        result.append(name if alone else f"{name} ({clean(_distinguishing_end(folder, namesakes))})")
    return result


def _distinguishing_end(folder: Path, folders: list[Path]) -> str:
    """The shortest end of a folder's path that no other folder's path ends in."""
    others = {other.parts for other in folders} - {folder.parts}
    for length in range(1, len(folder.parts)):
        end = folder.parts[-length:]
        if all(other[-length:] != end for other in others):
            return str(Path(*end))
    return str(folder)


def _parse(argument: Path) -> tuple[str | None, list[Path]]:
    """The name, if one is given, and the folders of an argument."""
    name, equals, rest = str(argument).partition("=")
    if argument.exists() or not equals:
        return None, [argument]
    if not name.strip():
        raise UserError(f"{argument}: there is no name before “=”; write NAME=FOLDER, or NAME=FOLDER,FOLDER for runs")
    folders = [rest] if expand_user(rest).exists() else rest.split(",")
    if not all(map(str.strip, folders)):
        raise UserError(f"{argument}: a folder is missing; write NAME=FOLDER, or NAME=FOLDER,FOLDER for several runs")
    return clean(name), [expand_user(folder) for folder in folders]


def _refuse_repetitions(names: list[str], folders: list[Path]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise UserError(f"{name} names {times} models; write NAME=FOLDER,FOLDER for several runs of one model")
    seen: dict[Path, Path] = {}
    for folder in folders:
        first = seen.setdefault(folder.resolve(), folder)
        if first is not folder:
            raise UserError(f"{folder} is given twice; a model is compared with others, not with itself")


def _refuse_copies(runs: Sequence[Evaluation]) -> None:
    """Two evaluations of the same weights are one training run, and would make the interval over runs too narrow."""
    seen: dict[str, Evaluation] = {}
    for run in runs:
        weights = get(run.metrics, "model", "sha256")
        first = run if weights is None else seen.setdefault(weights, run)
        if first is not run:
            raise UserError(
                f"{first.path} and {run.path} evaluate the same weights, which is one training run; give one of them"
            )


def runs_limit(models: Sequence[ReportedModel]) -> str:
    """What the figures of one training run, or of several, say about the training method."""
    if all(len(model.runs) == 1 for model in models):
        return (
            "Every figure is of one training run: its interval covers other prompts and texts, not other seeds of the "
            "training. To compare training methods, give several runs of a model as NAME=FOLDER,FOLDER."
        )
    return (
        "The figures of a model with several training runs are means over them, and intervals say what other seeds "
        "would give on the same prompts and the same text. Bars by profession and the texts to browse are those of the "
        "first run."
    )
