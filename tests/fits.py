"""What the tests of `distill fit` share: to run it, to see it refuse, and to read what it wrote."""

import csv
from pathlib import Path

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from distill.cli.dispatch import main


def fit(recipe: Path, output: Path, *overrides: str, command: str = "fit") -> None:
    """`distill fit`, in this process."""
    main([command, f"--config={recipe}", f"--trainer.default_root_dir={output}", *overrides])


def refused(capsys, recipe: Path, output: Path, *overrides: str, status: int = 2) -> str:
    """The one line of a fit that must not start, or leave anything behind."""
    with pytest.raises(SystemExit) as caught:
        fit(recipe, output, *overrides)
    assert caught.value.code == status
    assert not output.exists()
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error.strip().splitlines()[-1]


def metrics(output: Path) -> list[dict[str, str]]:
    """The rows of a run's metrics.csv."""
    with (output / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(output: Path) -> dict[str, torch.Tensor]:
    """Of a run's student."""
    return AutoModelForCausalLM.from_pretrained(output / "student").state_dict()


def no_dropout(folder: Path, recipe: Path) -> str:
    """A teacher without dropout, so that its student has none."""
    teacher = yaml.safe_load(recipe.read_text())["model"]["teacher"]["path"]
    copy = folder / "no dropout"
    if not copy.exists():
        model = AutoModelForCausalLM.from_pretrained(teacher)
        for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
            setattr(model.config, name, 0.0)
        model.save_pretrained(copy)
        AutoTokenizer.from_pretrained(teacher).save_pretrained(copy)
    return f"--model.teacher.path={copy}"
