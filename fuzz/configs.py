"""Recipes and overrides of a fit: either settings of the right types, or a one-line error and exit status 2."""

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
_VALUES: tuple[Any, ...] = (
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


class _ParserBuilt(Exception):  # noqa: N818 - it is no error
    """Carries the parser out of the command before it parses or runs anything."""

    def __init__(self, parser: OneLineErrors):
        super().__init__()
        self.parser = parser


class _OnlyParser(TrainingCLI):
    def parse_arguments(self, parser: Any, args: Any) -> None:
        raise _ParserBuilt(parser)


@cache
def parser() -> OneLineErrors:
    """The parser of `distill fit`, built once."""
    try:
        _OnlyParser(["fit"])
    except _ParserBuilt as built:
        return built.parser
    raise AssertionError("the command did not parse its arguments")


@cache
def _keys() -> tuple[str, ...]:
    commands = parser()._subcommands_action
    assert commands is not None
    fit = commands._name_parser_map["fit"]
    return tuple(
        action.dest
        for action in fit._actions
        if action.dest.partition(".")[0] in ("model", "data", "trainer", "checkpoint", "seed_everything", "ckpt_path")
        and not action.dest.endswith(".help")
    )


def recipe(draw: random.Random) -> tuple[list[str], list[str]]:
    """Overlays, as YAML, and overrides."""
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
        # A copy, since a later key may add to it.
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


def check(case: tuple[list[str], list[str]]) -> None:
    """Check that the settings are parsed, or refused in one line."""
    overlays, overrides = case
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        arguments = ["fit", f"--config={_GPT2}"]
        for number, overlay in enumerate(overlays):
            path = Path(folder) / f"{number}.yaml"
            path.write_text(overlay, encoding="utf-8")
            arguments.append(f"--config={path}")
        errors = io.StringIO()
        try:
            with contextlib.redirect_stderr(errors):
                config = parser().parse_args([*arguments, *overrides])
        except SystemExit as refusal:
            _check_refusal(refusal.code, errors.getvalue())
            return
    block_size, layers = config.fit.data.block_size, config.fit.model.student.layers
    assert isinstance(block_size, int)
    assert layers is None or all(isinstance(layer, int) for layer in layers)
    assert config.fit.model.perturbation.operator in ("none", "mean", "expmean", "max", "swap")
    assert isinstance(config.fit.model.loss.temperature, float)


def _check_refusal(status: Any, errors: str) -> None:
    assert status == 2, f"exit status {status}"
    assert len(errors.splitlines()) == 1, f"not one line: {errors[:500]}"


TARGET = Target("configs", recipe, check, inputs=10_000)
