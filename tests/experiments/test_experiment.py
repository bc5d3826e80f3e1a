"""The experiment of docs/results.md: its text, its recipes, its commands, its table and its figure."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distill.cli.dispatch import main

ROOT = Path(__file__).parents[2]


def script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"experiments.{name}", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def commands() -> list[list[str]]:
    shown = script("run", "--setting=distilled", "--row=all", "--seed=2", "--short", "--print")
    assert shown.returncode == 0, shown.stderr
    return [line.split()[1:] for line in shown.stdout.splitlines()]


def test_every_row_is_a_fit_and_an_evaluation(commands):
    students = [command for command in commands if command[0] == "fit"]
    evaluations = [command for command in commands if command[0] == "evaluate"]
    assert len(evaluations) == len(students) + 1
    outputs = {option for command in students for option in command if option.startswith("--trainer.default_root_dir")}
    assert len(outputs) == len(students) == 17
    assert all("--seed_everything=2" in command for command in students)


def test_every_recipe_of_a_row_is_there(commands):
    named = {option.split("=")[1] for command in commands for option in command if option.startswith("--config=")}
    assert [name for name in named if not (ROOT / name).is_file()] == []
    unused = {f"configs/experiments/{path.name}" for path in ROOT.glob("configs/experiments/*.yaml")} - named
    assert unused == {"configs/experiments/professions.yaml"}


@pytest.mark.parametrize(
    ("row", "setting", "expected"),
    [
        ("plain-append", "finetuned", ["operator: none", "augmentation: append", "lm_weight: 0.5", "names: true"]),
        ("max-substitute", "distilled", ["operator: max", "vocabulary: identity", "augmentation: substitute"]),
        ("max-reversed", "finetuned", ["operator: max", "vocabulary: reversed", "contexts: all", "lm_weight: 0.0"]),
        ("max", "professions", ["operator: max", "experiment/text/written.jsonl", "block_size: 64", "names: true"]),
        ("equivariant-names-kept", "finetuned", ["contexts: all", "vocabulary: reversed", "names: false"]),
    ],
)
def test_rows_are_what_their_names_say(capsys, monkeypatch, row, setting, expected):
    shown = script("run", f"--setting={setting}", f"--row={row}", "--print").stdout.splitlines()[0]
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit):
        main([*shown.split()[1:], "--print_config"])
    config = capsys.readouterr().out
    assert [line for line in expected if line not in config] == []


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in ("novels", "wikitext", "bold"):
        (folder / name).mkdir()
    (folder / "novels" / "one.txt").write_text("\n\n".join(f"Paragraph {place}." for place in range(20)))
    articles = (f" = Title {place} = \n \n Article .\n \n" for place in range(9))
    (folder / "wikitext" / "valid.txt").write_text("".join(articles))
    (folder / "wikitext" / "test.txt").write_text(" = Test = \n\n Article .\n")
    entities = {group: [f"{group}_{place}" for place in range(10)] for group in ("nursing", "driving")}
    for kind in ("wiki", "prompt"):
        content = {group: {name: [f"{name} {kind} 1", f"{name} {kind} 2"] for name in names}
                   for group, names in entities.items()}  # fmt: skip
        (folder / "bold" / f"profession_{kind}.json").write_text(json.dumps(content))
    return folder


def test_an_eighth_of_every_source_is_held_out_and_prompts_are_of_it_alone(data, tmp_path):
    done = script("text", data, tmp_path)
    assert done.returncode == 0, done.stderr
    train, held_out = (
        [json.loads(line)["text"] for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in ("train", "held_out")
    )
    assert len(train) + len(held_out) == 20 + 9 + 20
    assert not set(train) & set(held_out)
    assert sum(text.startswith("Paragraph") for text in held_out) == 3
    prompts = json.loads((tmp_path / "prompts.json").read_text())
    assert prompts == {
        group: {f"{group}_{place}": [f"{group}_{place} prompt 1", f"{group}_{place} prompt 2"] for place in (0, 8)}
        for group in ("nursing", "driving")
    }
    assert all(f"{entity} wiki 1 {entity} wiki 2" in held_out for names in prompts.values() for entity in names)


def test_what_is_held_out_once_is_trained_on_nowhere(data, tmp_path):
    copy = shutil.copytree(data, tmp_path / "data")
    with (copy / "novels" / "one.txt").open("a") as novel:
        novel.write("\n\nParagraph 0.\n\nParagraph 20.")
    wiki = copy / "bold" / "profession_wiki.json"
    content = json.loads(wiki.read_text())
    content["driving"]["driving_1"] = ["driving_1 wiki 1", "nursing_0 wiki 2 "]
    wiki.write_text(json.dumps(content))
    done = script("text", copy, tmp_path / "text")
    assert done.returncode == 0, done.stderr
    train, held_out = ((tmp_path / "text" / f"{name}.jsonl").read_text() for name in ("train", "held_out"))
    for sentence in ("Paragraph 0.", "nursing_0 wiki 2"):
        assert sentence in held_out
        assert sentence not in train
    assert "driving_1" not in train
    assert "Paragraph 20." in train


def metrics(perplexity: float, gap: float, ratio: float) -> dict:
    verdict = "shown" if ratio > 0.8 else "refuted"
    return {
        "perplexity": {"token": {"value": perplexity, "ci95": [perplexity - 1, perplexity + 1]}},
        "gendered_tokens": {"nll": 3.0, "n": 100},
        "pronoun_gap": {"mean_abs_log_odds": gap, "ci95": [gap - 0.1, gap + 0.1]},
        "disparity": {
            "unigram": {
                "mean_ratio": ratio,
                "fair_low": 0.8,
                "log_odds": -0.1,
                "ci95": [-0.2, 0.1],
                "min_ratio": 0.1,
                "parity": {"verdict": verdict},
            }
        },
        "coherence": {"value": 0.9, "ci95": [0.8, 0.95]},
        "fluency": {"nll": 2.0},
    }


def test_the_table_and_the_figure_come_from_the_files(tmp_path):
    folder = tmp_path / "finetuned"
    measured = {
        "teacher": metrics(20, 0.7, 0.4),
        "plain/seed1": metrics(21, 0.7, 0.4),
        "equivariant/seed1": metrics(21.25, 0.1, 0.9),
        "equivariant/seed2": metrics(21.75, 0.2, 0.7),
    }
    for row, content in measured.items():
        (folder / row).mkdir(parents=True)
        (folder / row / "held_out.json").write_text(json.dumps(content))
    (folder / "teacher" / "wikitext.json").write_text(json.dumps(metrics(33, 0, 0)))
    more_texts = metrics(0, 0, 0) | {"coherence": {"value": 0.8, "ci95": [0.78, 0.82]}}
    (folder / "plain" / "seed1" / "coherence.json").write_text(json.dumps(more_texts))
    done = script("draw", folder)
    assert done.returncode == 0, done.stderr
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()]
    table = {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[2:]}
    assert list(table) == ["teacher", "plain", "equivariant"]
    assert table["teacher"]["WikiText"] == "33.00 [32.00 to 34.00]"
    assert table["plain"]["perplexity"] == "21.00 [20.00 to 22.00]"
    assert table["plain"]["log-odds"] == "−0.100 [−0.200 to +0.100]"
    assert table["plain"]["coherence"] == "0.800 [0.780 to 0.820]"
    assert table["equivariant"]["pronoun gap"] == "0.150 (0.100 to 0.200)"
    assert (table["equivariant"]["seeds"], table["equivariant"]["parity"]) == ("2", "shown in 1 of 2")
    assert table["equivariant"]["WikiText"] == "–"
    assert (tmp_path / "finetuned.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_results_is_refused(tmp_path):
    done = script("draw", tmp_path)
    assert done.returncode == 2
    assert "no row with a held_out.json" in done.stderr


def test_previews_of_several_texts_are_one_table(tmp_path):
    targets = [
        {
            "operator": operator,
            "vocabulary": "reversed",
            "contexts": "all",
            "perplexity": {"value": 20.0, "ratio": ratio, "ci95": [ratio - 0.01, ratio + 0.01]},
            "gendered_tokens": {"nll": 3.0, "n": 1200, "difference": 0.05, "ci95": [-0.1, 0.2]},
            "pronoun_gap": {"mean_abs_log_odds": gap},
        }
        for operator, ratio, gap in (("none", 1.0, 0.7), ("max", 1.02, 0.0))
    ]
    for name in ("novel", "news"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "preview.json").write_text(json.dumps({"targets": targets}))
    done = script("previews", tmp_path / "novel" / "preview.json", tmp_path / "news" / "preview.json")
    assert done.returncode == 0, done.stderr
    head, _, factual, changed = done.stdout.splitlines()
    assert "novel: perplexity" in head
    assert "news: gendered NLL" in head
    assert factual == "| factual teacher | 20.00 | 3.000 (1,200 tokens) | 20.00 | 3.000 (1,200 tokens) | 0.700 |"
    change = "+2.00 % [+1.00, +3.00] | +0.050 [−0.100, +0.200]"
    assert changed == f"| `max`, reversed, all contexts | {change} | {change} | 0.000 |"
