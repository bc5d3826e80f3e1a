import re
from pathlib import Path

import pytest

from distill.cli.dispatch import main
from distill.errors import UserError
from distill.report.command import report
from distill.report.models import ReportedModel, load_models, runs_limit
from tests import synthetic_evaluations as synthetic

ROWS = synthetic.generations({"nurse": 1.0, "welder": -1.0}, prompts=2, samples=2)


def written(folder: Path, *names: str) -> None:
    for name in names:
        synthetic.write(folder / name, ROWS, synthetic.metrics(ROWS, Path(name).name))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def shape(models: list[ReportedModel]) -> dict[str, list[str]]:
    """The folders of each model's runs."""
    return {model.name: [run.path.name for run in model.runs] for model in models}


def load_all(*arguments: str, baseline: str | None = None) -> dict[str, list[str]]:
    return shape(load_models([Path(argument) for argument in arguments], baseline))


def test_a_model_has_a_name_and_runs(here: Path) -> None:
    written(here, "t", "a", "b", "c")
    found = load_all("t", "plain=a,b", "counterfactual=~/c")
    assert found == {"t": ["t"], "plain": ["a", "b"], "counterfactual": ["c"]}
    assert list(load_all("t", "plain=a,b", "student=c", baseline="plain")) == ["plain", "t", "student"]


def test_what_exists_is_a_folder_whatever_its_name(here: Path) -> None:
    written(here, "beta=0.5", "x,y", "x", "y")
    assert load_all("beta=0.5", "runs=x,y") == {"beta=0.5": ["beta=0.5"], "runs": ["x,y"]}
    assert load_all("named=beta=0.5") == {"named": ["beta=0.5"]}
    (here / "x,y").rename(here / "z")
    assert load_all("runs=x,y") == {"runs": ["x", "y"]}


def test_a_name_that_is_given_tells_others_of_that_name_apart(here: Path) -> None:
    written(here, "a/teacher", "b/other")
    assert list(load_all("a/teacher", "teacher=b/other")) == ["teacher (teacher)", "teacher"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["=a"], "there is no name before “=”"),
        (["plain="], "a folder is missing"),
        (["plain=a,"], "a folder is missing"),
        (["plain=a", "plain=b"], "plain names 2 models; write NAME=FOLDER,FOLDER"),
        (["plain=a,./a"], "a is given twice"),
        (["a", "plain=a"], "a is given twice"),
        (["a,b"], "a,b: there is no such folder"),
        (["plain=a,missing"], "missing: there is no such folder"),
        (["a", "b", "--baseline=plain"], "--baseline plain: no model has this name; choose from a, b"),
    ],
)
def test_mistakes_are_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    written(here, "a", "b")
    with pytest.raises(SystemExit) as caught:
        main(["report", *arguments, "--output=report.md"])
    error = capsys.readouterr().err
    assert (caught.value.code, error.count("\n")) == (2, 1)
    assert reason in error
    assert not (here / "report.md").exists()


def test_copies_of_one_model_are_one_run(here: Path) -> None:
    written(here, "a", "again/a")
    with pytest.raises(UserError, match="a and again/a evaluate the same weights, which is one training run"):
        load_models([Path("plain=a,again/a")])
    assert load_all("a", "copy=again/a") == {"a": ["a"], "copy": ["a"]}


def test_none_is_refused() -> None:
    with pytest.raises(UserError, match="at least one folder"):
        load_models([])


def test_a_report_says_of_how_many_trainings_it_speaks(here: Path) -> None:
    written(here, "a", "b")
    assert "of one training run" in runs_limit(load_models([Path("a"), Path("b")]))
    assert "of the first run" in runs_limit(load_models([Path("student=a,b")]))


def test_several_runs_are_one_column_and_one_verdict(tmp_path: Path) -> None:
    folders = synthetic.quickstart(tmp_path / "q")
    seeds = []
    for seed in (11, 12, 13):
        rows = synthetic.generations({group: 0.1 * lean for group, lean in synthetic.LEANS.items()}, seed=seed)
        seeds.append(synthetic.write(tmp_path / f"s{seed}", rows, synthetic.metrics(rows, f"s{seed}", 24.0 + seed)))
    student = Path("student=" + ",".join(map(str, seeds)))
    report([folders[0], folders[1], student], tmp_path / "out")
    text = (tmp_path / "out" / "tables.md").read_text(encoding="utf-8")
    assert "less disparity than teacher, over 3 runs" in text
    assert "**student, compared with plain**" in text
    assert "Run by run: " in text
    assert re.search(r"\| Perplexity +\|[^|]+\|[^|]+\| 36.00 \(35.00 to 37.00 in 3 runs\) +\|", text)
    assert "those of the first run" in text
    assert "those of the first run" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "over 3 runs" in (tmp_path / "out" / "tables.tex").read_text(encoding="utf-8")
    report([folders[0], folders[1], student], tmp_path / "other.md", baseline="plain")
    heads = (tmp_path / "other.md").read_text(encoding="utf-8").split("- **")[1:4]
    assert [head.split("**")[0] for head in heads] == ["plain", "teacher", "student"]
