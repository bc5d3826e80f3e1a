"""Results of lm-evaluation-harness: whose they are, and how they look in a report."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.cli.dispatch import main
from distill.errors import UserError
from distill.report.lm_eval_results import HARNESS, read_results, with_harness_results
from distill.report.models import ReportedModel, load_models
from tests import synthetic_evaluations as synthetic


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return synthetic.quickstart(tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="module")
def models(folders: list[Path]) -> list[ReportedModel]:
    """teacher, plain and counterfactual, of the paths runs/teacher, runs/plain and runs/counterfactual."""
    return load_models(folders)


def results(model: str = "runs/plain", value: Any = 0.61, error: Any = 0.018, **others: Any) -> dict[str, Any]:
    """The shape of a file of lm-evaluation-harness 0.4.13, less what is of no interest here."""
    return {
        "results": {
            "winogender_all": {
                "name": "winogender_all", "alias": " - winogender", "sample_len": 720, "acc,none": value,
                "acc_stderr,none": error,
            },
            "gsm8k": {
                "alias": "gsm8k", "exact_match,strict-match": 0.02, "exact_match_stderr,strict-match": 0.004,
                "exact_match,flexible-extract": 0.03, "exact_match_stderr,flexible-extract": "N/A",
            },
            "wikitext": {"alias": "wikitext", "word_perplexity,none": 31.4, "word_perplexity_stderr,none": "N/A"},
        },
        "group_subtasks": {"winogender": ["winogender_all"], "gsm8k": []},
        "versions": {"winogender_all": 1.0, "wikitext": 2.0},
        "n-shot": {"winogender_all": 0},
        "higher_is_better": {"winogender_all": {"acc": True}, "wikitext": {"word_perplexity": False}},
        "n-samples": {"winogender_all": {"original": 720, "effective": 720}},
        "config": {"model_args": f"pretrained={model},dtype=float32"},
        "date": 1.0,
        **others,
    }  # fmt: skip


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def given_to(models: list[ReportedModel]) -> dict[str, Any]:
    return {model.name: model.first.metrics[HARNESS] for model in models if HARNESS in model.first.metrics}


def test_metrics_keep_their_names_and_get_intervals(tmp_path):
    tasks = read_results(write(tmp_path / "a.json", results())).tasks
    assert {task: list(metrics) for task, metrics in tasks.items()} == {
        "winogender_all": ["acc"],
        "gsm8k": ["exact_match (strict-match)", "exact_match (flexible-extract)"],
        "wikitext": ["word_perplexity"],
    }
    acc = tasks["winogender_all"]["acc"]
    assert acc["value"] == 0.61
    assert acc["ci95"] == pytest.approx([0.61 - 1.96 * 0.018, 0.61 + 1.96 * 0.018])
    assert (acc["higher_is_better"], acc["part_of_group"]) == (True, True)
    assert tasks["gsm8k"]["exact_match (strict-match)"]["ci95"] == pytest.approx([0.02 - 0.00784, 0.02 + 0.00784])
    assert tasks["gsm8k"]["exact_match (flexible-extract)"]["ci95"] is None
    assert tasks["wikitext"]["word_perplexity"]["ci95"] is None


def test_files_of_older_versions_are_read_too(tmp_path):
    content = {"results": {"piqa": {"acc": 0.7, "acc_stderr": 0.01, "sample_len": 3}}, "config": {"model_args": {}}}
    tasks = read_results(write(tmp_path / "a.json", content)).tasks
    assert list(tasks["piqa"]) == ["acc"]
    assert tasks["piqa"]["acc"]["ci95"] == pytest.approx([0.6804, 0.7196])


@given(st.floats(allow_nan=True), st.floats(min_value=0) | st.none() | st.just("N/A") | st.just(float("nan")))
def test_what_is_no_number_is_left_out(tmp_path_factory, value, error):
    content = results(value=value, error=error)
    tasks = read_results(write(tmp_path_factory.mktemp("results") / "a.json", content)).tasks
    finite = abs(value) < float("inf")
    assert ("acc" in tasks["winogender_all"]) == finite
    interval = tasks["winogender_all"].get("acc", {}).get("ci95")
    assert (interval is not None) == (finite and isinstance(error, float) and error < float("inf"))
    assert interval is None or interval[0] <= value <= interval[1]


def test_the_path_of_the_model_says_whose_they_are(tmp_path, models):
    file = write(tmp_path / "a.json", results())
    assert given_to(with_harness_results(models, [str(file)])).keys() == {"plain"}
    assert given_to(models) == {}
    renamed = results() | {"config": {"model_args": {"pretrained": "somewhere/else"}}}
    assert given_to(with_harness_results(models, [f"teacher={write(file, renamed)}"])).keys() == {"teacher"}


def test_of_a_folder_the_latest_result_of_a_task_counts(tmp_path, models):
    old = results(value=0.5) | {"date": 1.0}
    new = {**results(value=0.7), "date": 2.0}
    new["results"] = {"winogender_all": new["results"]["winogender_all"]}
    write(tmp_path / "runs__plain/results_2.json", old)
    write(tmp_path / "runs__plain/results_1.json", new)
    write(tmp_path / "runs__teacher/results_1.json", results("runs/teacher", 0.9))
    write(tmp_path / "others/results_1.json", results("others", 0.1))
    write(tmp_path / "runs__plain/samples_1.json", "[]")
    found = given_to(with_harness_results(models, [str(tmp_path)]))
    assert {name: tasks["winogender_all"]["acc"]["value"] for name, tasks in found.items()} == {
        "plain": 0.7,
        "teacher": 0.9,
    }
    assert found["plain"]["wikitext"]["word_perplexity"]["value"] == 31.4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ([], "not a results file"),
        ({"results": []}, "not a results file"),
        ({"results": {"piqa": 0.5}}, "not a results file"),
        ({"results": {}}, "no metric"),
        ({"results": {"piqa": {"alias": "piqa", "sample_len": 4}}}, "no metric"),
        (results("runs/nobody"), "runs/nobody.*NAME=FILE"),
        (results("runs/nobody") | {"config": None}, "unnamed"),
    ],
)
def test_what_cannot_be_shown_is_refused_on_one_line(tmp_path, models, content, message):
    file = write(tmp_path / "a.json", content)
    with pytest.raises(UserError, match=message) as caught:
        with_harness_results(models, [str(file)])
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_there_must_be_results_and_a_model_of_that_name(tmp_path, models):
    with pytest.raises(UserError, match="No such file"):
        with_harness_results(models, [str(tmp_path / "nowhere.json")])
    with pytest.raises(UserError, match=r"no results_\*\.json"):
        with_harness_results(models, [str(tmp_path)])
    with pytest.raises(UserError, match="called nobody; it has teacher, plain, counterfactual"):
        with_harness_results(models, [f"nobody={write(tmp_path / 'a.json', results())}"])


def test_a_report_shows_them_with_their_intervals(tmp_path, folders):
    plain = write(tmp_path / "a.json", results())
    teacher = write(tmp_path / "b.json", results("runs/teacher", 0.7, "N/A", versions={"winogender_all": 2.0}))
    arguments = [*map(str, folders), f"--output={tmp_path}/paper/", "--lm_eval", str(plain), f"--lm_eval={teacher}"]
    main(["report", *arguments])
    table = (tmp_path / "paper" / "tables.md").read_text()
    row = next(line for line in table.splitlines() if "winogender_all · acc" in line)
    assert [cell.strip() for cell in row.split("|")[2:5]] == [
        "0.7",
        "0.61 (0.575 to 0.645; not comparable with teacher)",
        "–",
    ]
    page = (tmp_path / "paper" / "report.html").read_text()
    assert "lm-evaluation-harness, parts of its groups" in page
    assert "wikitext · word_perplexity" in page
    assert "Lower is better." in page


def test_names_of_tasks_are_text(tmp_path, folders):
    content = {"results": {"<script>|": {"<img src=x>,<b>": 0.5}}, "config": {"model_args": "pretrained=runs/plain"}}
    main(["report", *map(str, folders), f"--output={tmp_path}/a.html", f"--lm_eval={write(tmp_path / 'a', content)}"])
    page = (tmp_path / "a.html").read_text()
    assert "&lt;script&gt;| · &lt;img src=x&gt; (&lt;b&gt;)" in page
    assert "<img src=x>" not in page
