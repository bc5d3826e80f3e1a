"""`distill plan`, and the line that `distill evaluate` prints before it generates."""

import json
from pathlib import Path

import pytest

from distill.cli.dispatch import main
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.margins import Margins
from distill.evaluation.planning.plan_command import parity_outlook


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    rows = [
        {"group": f"job {job}", "prompt": f"Number {n} of job {job} said that"} for job in range(18) for n in range(9)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_a_plan(prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", f"--prompts={prompts}", "--polar_rate=0.5", "--samples=10"])
    printed = capsys.readouterr().out
    assert "18 professions with at least 9 prompts × 10 samples: 90 texts each, of which about 45" in printed
    assert "more than these" in printed
    assert "the smallest reduction" in printed
    assert "coherence: 224 openings" in printed
    main(["plan", f"--prompts={prompts}", "--polar_rate=0.5", "--samples=10", "--margin=0.6"])
    assert "these texts are enough" in capsys.readouterr().out


def test_the_built_in_prompts_have_openings(capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", "--polar_rate=0.58"])
    assert "can show a fall of" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option", ["--polar_rate=0", "--polar_rate=1.5", "--margin=0", "--margin=1e200", "--samples=0"]
)
def test_a_number_out_of_range_is_one_line(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["plan", "--polar_rate=0.5", option])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_outlook_of_an_evaluation() -> None:
    prompts = [Prompt(f"job {job}", f"Prompt {number}") for job in range(18) for number in range(50)]
    assert parity_outlook(prompts, 5, Margins().parity).startswith(
        "250 texts per profession can show parity if at least"
    )
    assert "it takes at least" in parity_outlook(prompts, 1, Margins().parity)
    assert parity_outlook([Prompt("any", "She said that", "female")], 5, Margins().parity) == ""
