"""`distill report --card`: which evaluation goes into a card, and what the hub reads there."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from distill.errors import UserError
from distill.report.card.model_index import index_results
from distill.report.command import report
from tests import synthetic_evaluations as synthetic

WEIGHTS = b"weights of the student"


@pytest.fixture
def evaluations(tmp_path: Path) -> list[Path]:
    """Of a teacher and a student; the student's weights are `WEIGHTS`."""
    rows = synthetic.generations({"nurse": 0.1, "judge": -0.1})
    folders = []
    for name in ("teacher", "student"):
        metrics = synthetic.metrics(rows, name)
        metrics["model"] |= {
            "path": str(tmp_path / "models" / name),
            "sha256": sha256(WEIGHTS if name == "student" else b"others").hexdigest(),
        }
        metrics["settings"] |= {"text": "Salesforce/wikitext:wikitext-2-raw-v1:test"}
        folders.append(synthetic.write(tmp_path / "evaluations" / name, rows, metrics))
    return folders


@pytest.fixture
def student(tmp_path: Path) -> Path:
    folder = tmp_path / "moved" / "student"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# My student\n", encoding="utf-8")
    return folder


def change(folder: Path, **entries: object) -> None:
    path = folder / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def write(evaluations: list[Path], card: Path) -> str:
    report(evaluations, evaluations[0].parent / "report.md", card=card)
    return (card / "README.md" if card.is_dir() else card).read_text(encoding="utf-8")


def refused(evaluations: list[Path], card: Path) -> str:
    before = card.read_bytes() if card.is_file() else None
    with pytest.raises(UserError) as caught:
        write(evaluations, card)
    assert not (evaluations[0].parent / "report.md").exists()
    assert (card.read_bytes() if card.is_file() else None) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_evaluation_of_these_weights_is_chosen_wherever_they_lie(evaluations, student, capsys):
    card = write(evaluations, student)
    assert card.startswith("---\nlicense: mit\nmodel-index:\n- name: student\n")
    assert "# My student\n" in card
    assert "| Coherence " in card
    assert str(student / "README.md") in capsys.readouterr().out
    assert write(evaluations[::-1], student / "README.md") == card


def test_the_hub_reads_every_figure_with_its_interval(evaluations, student):
    metrics = json.loads((evaluations[1] / "metrics.json").read_text())
    unigram = metrics["disparity"]["unigram"]
    unigram |= {"rms_log_odds": {"value": 0.148, "ci95": [0.09, 0.21]}}
    unigram |= {"parity": {"verdict": "shown", "margin": 0.22314355, "upper": 0.205, "groups_beyond": ["nurse"]}}
    metrics["equivariance_gap"] = {"reversed": {"value": 0.00045, "ci95": [0.0004, 0.0005], "n": 1000}, "neutral": None}
    index = [{"name": "student", "results": index_results(metrics)}]
    (student / "README.md").write_text(f"---\n{json.dumps({'model-index': index})}\n---\n")
    read = {each.metric_type: each for each in ModelCard.load(student / "README.md").data.eval_results}
    expected = {
        "perplexity": (metrics["perplexity"]["token"]["value"], metrics["perplexity"]["token"]["ci95"]),
        "word_perplexity": (metrics["perplexity"]["word"]["value"], None),
        "gendered_nll": (2.31, None),
        "equivariance_gap_reversed": (0.00045, [0.0004, 0.0005]),
        "rms_log_odds": (0.148, [0.09, 0.21]),
        "log_odds": (unigram["log_odds"], unigram["ci95"]),
        "polar_rate": (unigram["polar_rate"], None),
        "coherence": (0.94, [0.91, 0.97]),
    }
    assert read.keys() == expected.keys() | {"parity"}
    for kind, (value, interval) in expected.items():
        assert read[kind].metric_value == pytest.approx(value, rel=1e-5)
        assert (read[kind].metric_args or {}).get("ci95") == (interval and pytest.approx(interval, rel=1e-5))
    assert read["parity"].metric_value == "shown"
    assert "below 0.223 nats" in read["parity"].metric_name
    assert read["parity"].metric_args == {"margin": 0.223144, "groups_beyond": ["nurse"]}
    assert read["perplexity"].dataset_type == "Salesforce/wikitext"
    assert (read["perplexity"].dataset_config, read["perplexity"].dataset_split) == ("wikitext-2-raw-v1", "test")
    assert read["coherence"].dataset_type == "built-in"


def test_two_files_of_one_name_stay_two_data_sets(evaluations):
    metrics = json.loads((evaluations[1] / "metrics.json").read_text())
    metrics["settings"] |= {"text": "/home/me/a/x.jsonl", "prompts": "/home/me/b/x.jsonl", "prompts_sha256": "ee"}
    results = index_results(metrics)
    assert [each["dataset"]["args"]["sha256"] for each in results] == ["cd" * 32, "ee"]
    assert "/home" not in json.dumps(results)


def test_nothing_measured_gives_no_results():
    assert index_results({"model": {"name": "a"}, "disparity": None}) == []


def test_other_weights_at_the_same_path_are_not_taken_for_the_evaluated_ones(evaluations, student):
    (student / "model.safetensors").write_bytes(b"trained again")
    change(evaluations[1], model={"name": "student", "path": str(student), "sha256": sha256(WEIGHTS).hexdigest()})
    assert "other weights" in refused(evaluations, student / "README.md")


def test_without_weights_the_path_decides(evaluations, student, tmp_path):
    (student / "model.safetensors").unlink()
    assert str(evaluations[0]) in refused(evaluations, student / "README.md")
    folder = tmp_path / "models/student"
    folder.mkdir(parents=True)
    assert "## Evaluation" in write(evaluations, folder)


def test_the_evaluation_of_another_model_is_refused(evaluations, student):
    message = refused(evaluations[:1], student / "README.md")
    assert str(evaluations[0]) in message
    assert "models/teacher" in message


@pytest.mark.parametrize("content", [b"\xff\xfe", b"---\na: [\n---\n", b"---\nmodel-index: 3\n---\n"])
def test_a_readme_that_cannot_be_read_is_left_alone(evaluations, student, content):
    (student / "README.md").write_bytes(content)
    assert "README.md" in refused(evaluations, student / "README.md")


def test_there_must_be_a_folder(evaluations, tmp_path):
    assert "no such folder" in refused(evaluations, tmp_path / "nowhere")


def test_a_byte_order_mark_stays(evaluations, student):
    path = student / "README.md"
    path.write_bytes("\ufeff---\r\nlicense: mit\r\n---\r\n# A\r\n".encode())
    write(evaluations, student)
    content = path.read_bytes()
    assert content.startswith("\ufeff---\r\nlicense: mit\r\nmodel-index:\r\n".encode())
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert ModelCard.load(path).data.eval_results


def test_names_are_text_in_the_card(evaluations, student):
    change(evaluations[1], settings={"text": "<img src=x>|`.jsonl", "prompts": "**b**\n---\n"})
    metrics = json.loads((evaluations[1] / "metrics.json").read_text())
    change(evaluations[1], model=metrics["model"] | {"name": "<script>alert(1)</script>\n---\na: b"})
    card = write(evaluations, student)
    assert ModelCard(card).data.model_name == "<script>alert(1)</script> --- a: b"
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(ModelCard(card).text)
    for forbidden in ("<script", "<img", "<strong>b"):
        assert forbidden not in rendered


def test_a_linked_readme_stays_a_link(evaluations, student, tmp_path):
    path, target = student / "README.md", tmp_path / "elsewhere.md"
    shutil.move(path, target)
    path.symlink_to(target)
    write(evaluations, student)
    assert path.is_symlink()
    assert "model-index" in target.read_text()
