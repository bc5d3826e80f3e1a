"""Mistakes in arguments and recipes: one line each, exit status 2, and no setting that is silently dropped."""

from pathlib import Path

import pytest

from distill.cli.dispatch import main
from distill.cli.train import TrainingCLI

GPT2 = str(Path(__file__).parents[3] / "configs" / "gpt2.yaml")


class OnlyParser(TrainingCLI):
    """Builds the parser of a fit, and nothing else."""

    def parse_arguments(self, parser, args) -> None:
        raise StopIteration(parser)


@pytest.fixture(scope="module")
def parser():
    with pytest.raises(StopIteration) as stopped:
        OnlyParser(["fit"])
    return stopped.value.value


def refused(capsys, parser, *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        parser.parse_args(["fit", "--config", GPT2, *arguments])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_recipe_that_is_not_text(capsys, parser, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_bytes(b"\xb8\x00")
    assert f"{recipe}: not UTF-8, so not a recipe" in refused(capsys, parser, f"--config={recipe}")


@pytest.mark.parametrize(
    ("recipe", "problem"),
    [
        (
            "data: {blok_size: 3}",
            "recipe.yaml: does not accept option 'data.blok_size'; did you mean 'data.block_size'?",
        ),
        ("mdel: {}", "recipe.yaml: does not accept option 'mdel'; did you mean 'model'?"),
        ("model: 3", "recipe.yaml: model is 3, and a group of settings is expected there"),
        ("model: {student: 1e5}", "recipe.yaml: model.student is '1e5', and a group of settings is expected there"),
        ("data: null", "recipe.yaml: data is null, and a group of settings is expected there"),
        ("model: {loss: [1]}", "recipe.yaml: model.loss is [1], and a group of settings is expected there"),
        ("data: {block_size: x}", "recipe.yaml: data.block_size: Expected a int. Got value: x"),
        ("data: {block_size: null}", "recipe.yaml: data.block_size is null, and a value is expected"),
        ("model: {student: {layers: [1, null]}}", "model.student.layers: Expected a int. Got value: None"),
        ("seed_everything: true", "recipe.yaml: seed_everything: True: give a number"),
        ("seed_everything: -1", "recipe.yaml: seed_everything: -1: it must be between 0 and 4294967295"),
        (
            "seed_everything: 4294967296",
            "recipe.yaml: seed_everything: 4294967296: it must be between 0 and 4294967295",
        ),
        ("data: {train: '${nope.x}'}", "data.train: Interpolation key 'nope.x' not found"),
        ("data: {train: '${oc.env:NO_SUCH_VARIABLE}'}", "data.train: "),
        ("data: &a {train: [*a]}", "contains itself"),
        ("data: &a\n  train: [*a]\n  b\tc: 1\n", "contains itself"),
        ("a: [1", "line 1, column 4"),
        ("a: [1", "recipe.yaml: Problems parsing config"),
        ("- 1", "recipe.yaml: Unexpected config: - 1"),
        ("", "recipe.yaml: Unexpected config:"),
        ("1: 2", "does not accept option '1'"),
        ("a: !!python/object/apply:os.abort []", "could not determine a constructor for the tag"),
        ("trainer: {callbacks: [{class_path: os.system}]}", "Importing 'os.system' is not allowed"),
        ("trainer: {logger: {class_path: nope.X}}", "No module named 'nope'"),
    ],
)
def test_recipes(capsys, parser, tmp_path: Path, recipe: str, problem: str) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe)
    assert problem in refused(capsys, parser, "--config", str(tmp_path / "recipe.yaml"))


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        ("--data.blok_size=3", "unrecognized arguments: --data.blok_size=3; did you mean 'data.block_size'?"),
        # no abbreviations: a typo would mean something
        ("--data.block_siz=3", "did you mean 'data.block_size'?"),
        ("--data.block_size=x", "data.block_size: Expected a int. Got value: x"),
        ("--config=none.yaml", "File does not exist"),
    ],
)
def test_arguments(capsys, parser, argument: str, problem: str) -> None:
    assert problem in refused(capsys, parser, argument)


def test_of_several_recipes_the_effective_one_is_named(capsys, parser, tmp_path: Path) -> None:
    for name, size in (("one.yaml", "x"), ("two.yaml", "y"), ("three.yaml", None)):
        (tmp_path / name).write_text("data: {names: true}" if size is None else f"data: {{block_size: {size}}}")
    recipes = [f"--config={tmp_path / name}" for name in ("one.yaml", "two.yaml", "three.yaml")]
    for given in (recipes, recipes[::2], recipes[::-1]):
        line = refused(capsys, parser, *given)
        named = "one" if "value: x" in line else "two"
        assert line.startswith(
            f"distill fit: error: {tmp_path / named}.yaml: data.block_size: Expected a int. Got value"
        )
    line = refused(capsys, parser, recipes[2], "--data.block_size=z")
    assert line == "distill fit: error: data.block_size: Expected a int. Got value: z"


def test_valid_recipes_are_accepted(parser, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "trainer: {logger: {class_path: pytorch_lightning.loggers.CSVLogger, init_args: {save_dir: x}}, devices: 1}\n"
        "model: {student: {layers: null, config: {model_type: gpt2, n_layer: 2}}}\n"
        "data: {validation: [a.txt, b.txt], block_size: 64, train: '${data.validation}'}\n"
    )  # fmt: skip
    config = parser.parse_args(["fit", f"--config={GPT2}", f"--config={tmp_path / 'recipe.yaml'}"])
    assert config.fit.model.student.config == {"model_type": "gpt2", "n_layer": 2}
    assert config.fit.data.train == ["a.txt", "b.txt"]


@pytest.mark.parametrize("command", ["evaluate", "report", "quickstart", "word-table"])
def test_other_commands(capsys, command: str) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--outptu=x"])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"distill {command}: error: ")


@pytest.mark.parametrize(
    "command",
    [["fit", "--data.train=t\udcff.txt"], ["preview", "--text", "t\udcff.txt"], ["evaluate", "--text=t\udcff.txt"]],
    ids=lambda command: command[0],
)
def test_a_name_that_is_not_utf8_is_refused(capsys, command: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(command)
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"distill {command[0]}: error: ")
    assert r"t\udcff.txt': not UTF-8; rename the file" in line


def test_a_command_needs_no_argument(monkeypatch):
    called = []

    def quickstart(output: Path = Path("quickstart")) -> None:
        called.append(output)

    monkeypatch.setattr("distill.cli.quickstart.quickstart", quickstart)
    main(["quickstart"])
    assert called == [Path("quickstart")]
