"""`distill quickstart` at a tiny size: every file that it names, the table that it prints, and a second call."""

import json
import shutil
import signal
import subprocess
import sys

import pytest
import yaml

from distill.cli.dispatch import main
from distill.cli.quickstart import MODELS, recipes
from distill.errors import Stopped


@pytest.fixture(scope="module")
def tiny_recipes(tmp_path_factory):
    """The recipes of configs/quickstart at a tiny size."""
    folder = tmp_path_factory.mktemp("recipes") / "quickstart"
    shutil.copytree(recipes(), folder)
    changes = {
        "corpus": {"train_documents": 400, "validation_documents": 60},
        "teacher": {"trainer": {"max_steps": 4, "val_check_interval": 2, "enable_progress_bar": False}},
        "plain": {"trainer": {"max_steps": 2, "val_check_interval": 2, "enable_progress_bar": False}},
        "evaluation": {"prompts_per_group": 2, "samples": 1, "max_new_tokens": 4},
    }
    for name, change in changes.items():
        path = folder / f"{name}.yaml"
        recipe = yaml.safe_load(path.read_text())
        for key, value in change.items():
            recipe[key] = recipe[key] | value if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(recipe))
    return folder


def test_quickstart(tiny_recipes, tmp_path, capsys):
    output = tmp_path / "out"
    main(["quickstart", f"--output={output}", f"--configs={tiny_recipes}"])
    for model in MODELS:
        metrics = json.loads((output / model / "metrics.json").read_text())
        assert metrics["schema"] == 2
        assert metrics["model"]["name"] == model
        assert (output / model / "generations.parquet").is_file()
        assert metrics["coherence"]["n"] is not None
    page = (output / "report.html").read_text()
    assert "counterfactual" in page
    printed = capsys.readouterr().out
    assert printed.count("$ distill fit") == 3
    assert printed.count("$ distill evaluate") == 3
    assert "| mean ratio" in printed.lower() or "mean ratio" in printed
    assert str((output / "report.html").resolve()) in printed

    main(["quickstart", f"--output={output}", f"--configs={tiny_recipes}"])
    again = capsys.readouterr().out
    assert "$ distill fit" not in again
    assert "$ distill evaluate" not in again

    main(["quickstart", f"--output={output}", f"--configs={tiny_recipes}", "--seeds=2"])
    more = capsys.readouterr().out
    assert more.count("$ distill fit") == more.count("$ distill evaluate") == 2
    weights = [
        (output / "runs" / folder / "student" / "model.safetensors").read_bytes() for folder in ("plain", "seed2/plain")
    ]
    assert weights[0] != weights[1]
    assert json.loads((output / "seed2" / "plain" / "metrics.json").read_text())["settings"]["seed"] == 1
    assert f"plain={output / 'plain'},{output / 'seed2' / 'plain'}" in more


def test_no_seed_is_refused(tiny_recipes, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["quickstart", f"--output={tmp_path / 'out'}", f"--configs={tiny_recipes}", "--seeds=0"])
    assert "--seeds is 0; give at least 1" in capsys.readouterr().err


def test_an_incomplete_folder_of_recipes_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["quickstart", f"--output={tmp_path / 'out'}", f"--configs={tmp_path}"])
    assert caught.value.code == 2
    assert "no recipe corpus.yaml" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_stopped_training_continues(tiny_recipes, tmp_path, capsys, monkeypatch):
    asked = []

    def stop(command, arguments):
        asked.append([command, *arguments])
        (tmp_path / "out" / "runs" / "teacher" / "checkpoints").mkdir(parents=True, exist_ok=True)
        raise Stopped(signal.SIGTERM)

    monkeypatch.setattr("distill.cli.train.run", stop)
    for _ in range(2):
        with pytest.raises(SystemExit) as caught:
            main(["quickstart", f"--output={tmp_path / 'out'}", f"--configs={tiny_recipes}"])
        assert caught.value.code == 128 + signal.SIGTERM
        assert capsys.readouterr().err.endswith(
            "distill quickstart: stopped while training teacher; the same command continues\n"
        )
        assert (tmp_path / "out" / "runs" / "teacher" / "checkpoints").is_dir()
    assert asked[0] == asked[1]
    assert "--ckpt_path=last" in asked[0]


_HOLD = """
import sys
from pathlib import Path
from augment.runtime.locks import locked
with locked(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_quickstart_in_one_folder_is_refused(tiny_recipes, tmp_path, capsys):
    holder = [sys.executable, "-c", _HOLD, str(tmp_path / ".lock")]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with pytest.raises(SystemExit) as caught:
            main(["quickstart", f"--output={tmp_path}", f"--configs={tiny_recipes}"])
        process.stdin.close()
    assert caught.value.code == 2
    assert "another quickstart is writing" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
