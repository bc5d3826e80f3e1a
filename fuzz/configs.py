"""Recipes and overrides of a fit: settings of the right types, or one line and exit status 2."""

import contextlib
import io
import random
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from distill.cli.parser import OneLineErrors
from distill.cli.train import TrainingCLI
from fuzz.target import Target

_GPT2 = Path(__file__).parents[1] / "configs" / "gpt2.yaml"
_VALUES = (
    None, True, False, 0, 1, -1, 64, 10**30, -(10**400), 1.5, float("inf"), float("nan"), 1e-300, "", " ", "x", "null",
    "1e5", "none", "expmean", "reversed", "gpu", "é😀", "\x00", "a" * 5000, "${data.block_size}", "${nope}", "${",
    "${oc.env:HOME}", "${data.train}", [], [1], [1, None], [[1]], {}, {"x": 1}, {"class_path": "os.system"},
    {"class_path": "x.Y"}, {"class_path": "pytorch_lightning.callbacks.Timer", "init_args": {"nope": 1}},
    {"model_type": "gpt2"}, "!!python/none",
)  # fmt: skip
_EXTRA = (
    "--data", "--data.train", "--nope=1", "--config=none.yaml", "--model.loss=3", "--trainer=null", "--ckpt_path=last",
    "=", "",
)  # fmt: skip


class _OnlyParser(TrainingCLI):
    def parse_arguments(self, parser: Any, args: Any) -> None:
        _made.append(parser)
        raise StopIteration


_made: list[OneLineErrors] = []


@cache
def parser() -> OneLineErrors:
    """That of `distill fit`, built once."""
    with contextlib.suppress(StopIteration):
        _OnlyParser(["fit"])
    return _made[0]


@cache
def _keys() -> tuple[str, ...]:
    fit = parser()._subcommands_action._name_parser_map["fit"]
    return tuple(
        action.dest
        for action in fit._actions
        if action.dest.partition(".")[0] in ("model", "data", "trainer", "checkpoint", "seed_everything", "ckpt_path")
        and not action.dest.endswith(".help")
    )


def recipe(draw: random.Random) -> tuple[list[str], list[str]]:
    """Overlays, as text, and overrides."""
    overlays = [_overlay(draw) for _ in range(draw.randrange(3))]
    overrides = [f"--{_key(draw)}={draw.choice(_VALUES)}" for _ in range(draw.choice((0, 0, 1, 2)))]
    if draw.random() < 0.05:
        overrides.append(draw.choice(_EXTRA))
    return overlays, overrides


def _overlay(draw: random.Random) -> str:
    settings: dict[Any, Any] = {}
    for _ in range(draw.randrange(1, 4)):
        *groups, last = _key(draw).split(".")
        inner = settings
        for group in groups:
            below = inner.setdefault(group, {})
            if not isinstance(below, dict):
                break
            inner = below
        # A copy: what a later key puts into it is not to be in later inputs.
        inner[last] = deepcopy(draw.choice(_VALUES))
    content = yaml.safe_dump(settings, allow_unicode=True)
    if draw.random() < 0.1:
        at = draw.randrange(len(content) + 1)
        content = (
            content[:at]
            + draw.choice(("\t", ":", "- ", "*a", "&a ", "{", "!!python/object:os.x ", "\x00", "? "))
            + content[at:]
        )
    return content


def _key(draw: random.Random) -> str:
    key = draw.choice(_keys())
    if draw.random() < 0.15:  # a typo
        at = draw.randrange(len(key))
        key = key[:at] + draw.choice(("", "x", "_", ".", key[at] * 2)) + key[at + 1 :]
    return key


def check(drawn: tuple[list[str], list[str]]) -> None:
    overlays, overrides = drawn
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        arguments = ["fit", f"--config={_GPT2}"]
        for number, overlay in enumerate(overlays):
            path = Path(folder) / f"{number}.yaml"
            path.write_text(overlay, encoding="utf-8")
            arguments.append(f"--config={path}")
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                config = parser().parse_args([*arguments, *overrides])
        except SystemExit as left:
            _check_refusal(left.code, said.getvalue())
            return
    block_size, layers = config.fit.data.block_size, config.fit.model.student.layers
    assert isinstance(block_size, int)
    assert layers is None or all(isinstance(layer, int) for layer in layers)
    assert config.fit.model.perturbation.operator in ("none", "mean", "expmean", "max", "swap")
    assert isinstance(config.fit.model.loss.temperature, float)


def _check_refusal(status: Any, said: str) -> None:
    assert status == 2, f"exit status {status}"
    assert len(said.splitlines()) == 1, f"not one line: {said[:500]}"


TARGET = Target("configs", recipe, check, inputs=10_000)
