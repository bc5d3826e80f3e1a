"""The numbers of an evaluation in TensorBoard and Weights & Biases, neither of which need be installed."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.cli.dispatch import main
from distill.errors import RunError, UserError
from distill.evaluation.evaluate import evaluate
from distill.evaluation.experiment_loggers import check_loggers, flat_metrics, log_evaluation
from distill.evaluation.results import load


class Writer:
    """The part of `SummaryWriter` that is used; what it writes is one line per number."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.lines: list[str] = []

    def add_scalar(self, key: str, value: float, global_step: int) -> None:
        self.lines.append(f"{key} {value} {global_step}")

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "events").write_text("\n".join(self.lines))


class Runs:
    """The part of wandb that is used."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.logged: list[dict[str, float]] = []
        self.finished = 0

    def init(self, **options: Any) -> "Runs":
        self.started.append(options)
        return self

    def log(self, numbers: dict[str, float]) -> None:
        self.logged.append(numbers)

    def __enter__(self) -> "Runs":
        return self

    def __exit__(self, *_: object) -> None:
        self.finished += 1


@pytest.fixture
def tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> Runs:
    module, runs = ModuleType("wandb"), Runs()
    module.init = runs.init
    monkeypatch.setitem(sys.modules, "wandb", module)
    return runs


METRICS = {
    "schema": 2,
    "model": {"name": "student", "parameters": 5},
    "settings": {"seed": 3, "prompts": None},
    "disparity": {
        "unigram": {
            "log_odds": -0.1,
            "ci95": [-0.2, 0.0],
            "difference_ci95": [0.1, 0.2],
            "min_ratio": None,
            "parity": {"verdict": "shown", "margin": 0.22, "groups_beyond": ["nurse", "judge"], "texts_needed": None},
            "groups": {"nurse": {"female": 3}},
        }
    },
    "pairs": None,
    "coherence": {"value": 1, "known": True},
}
FLAT = {
    "disparity/unigram/log_odds": -0.1,
    "disparity/unigram/ci95_low": -0.2,
    "disparity/unigram/ci95_high": 0.0,
    "disparity/unigram/difference_ci95_low": 0.1,
    "disparity/unigram/difference_ci95_high": 0.2,
    "disparity/unigram/parity/margin": 0.22,
    "coherence/value": 1,
}


def test_keys_are_flat_and_every_value_is_a_number() -> None:
    assert flat_metrics(METRICS) == FLAT


@given(
    st.dictionaries(
        st.text("abc", min_size=1),
        st.recursive(
            st.floats(allow_nan=False) | st.none() | st.text(max_size=3) | st.booleans(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner),
        ),
    )
)
def test_every_number_under_a_key_is_there_once(metrics: dict[str, Any]) -> None:
    def count(entry: object) -> int:
        if isinstance(entry, dict):
            return sum(map(count, entry.values()))
        return isinstance(entry, float)

    flat = flat_metrics(metrics)
    assert len(flat) == count(metrics)
    assert all(isinstance(value, float) for value in flat.values())
    for key, value in flat.items():
        found: Any = metrics
        for part in key.split("/"):
            found = found[part]
        assert found == value


def test_each_logger_gets_the_numbers(tensorboard: None, wandb: Runs, tmp_path: Path) -> None:
    for _ in range(2):
        log_evaluation(["tensorboard", "wandb", "wandb"], METRICS, tmp_path)
    assert [path.name for path in (tmp_path / "tensorboard").iterdir()] == ["events"]
    lines = (tmp_path / "tensorboard/events").read_text().splitlines()
    assert lines == [f"{key} {value} 0" for key, value in FLAT.items()]
    assert wandb.logged == [FLAT, FLAT]
    assert wandb.finished == 2
    assert wandb.started[0]["name"] == "student"
    assert wandb.started[0]["config"] == {"model": METRICS["model"], "seed": 3, "prompts": None}


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_logger_that_is_not_installed_is_told_before_anything_is_computed(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, {"tensorboard": "torch.utils.tensorboard"}.get(name, name), None)
    with pytest.raises(UserError, match=f"--logger {name}: .* pip install {name}"):
        check_loggers([name])
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "--model=nowhere", f"--output={tmp_path / 'out'}", f"--logger={name}"])
    assert stopped.value.code == 2
    assert f"pip install {name}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_logger_that_fails_leaves_the_evaluation(
    wandb: Runs, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise ConnectionError("no network\nat all")

    def run() -> None:
        evaluate(
            str(model_folder), tmp_path / "out", preset="smoke", samples=1, max_new_tokens=2, logger="wandb",
            polarity="unigram",
        )  # fmt: skip

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["wandb"], "init", refuse)
        with pytest.raises(RunError, match=r"--logger wandb: no network; the evaluation in .* is complete"):
            run()
    metrics = load(tmp_path / "out").metrics
    run()
    assert wandb.logged == [flat_metrics(metrics)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "generations.parquet",
        "metrics.json",
        "nlls.parquet",
    ]
