"""Nothing is let in: no code of a model, no pickle, no connection that nobody asked for."""

import ast
import json
import os
import pickle
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from distill.errors import UserError
from distill.evaluation.scored_model import load_scored_model
from distill.models.integrity import check_files
from distill.models.loading import load_config, load_model
from distill.models.source import model_source
from distill.models.tokenizers import load_fast_tokenizer
from distill.quickstart.corpus import write_corpus
from distill.training.checkpoint_io import read_checkpoint
from tests.fixtures.warm_interpreter import WarmInterpreter

ROOT = Path(__file__).parents[1]
FOLDERS = ("augment", "distill", "fuzz", "benchmarks", "docs")
SOURCES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a file, and what is called as it is written there."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def argument(call: ast.Call, name: str) -> object:
    return next((ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == name), None)


def check(path: Path) -> None:
    for name, call in calls(path):
        where = f"{path.name}:{call.lineno}: {name}"
        assert name not in ("eval", "exec", "compile", "os.system", "os.popen", "pickle.load", "pickle.loads"), where
        assert name not in ("yaml.load", "yaml.unsafe_load", "yaml.full_load", "torch.jit.load", "joblib.load"), where
        if name == "torch.load":
            assert argument(call, "weights_only") == "True", where
        if name == "np.load":
            assert argument(call, "allow_pickle") in (None, "False"), where
        assert argument(call, "shell") in (None, "False"), where
        assert argument(call, "trust_remote_code") in (None, "False"), where


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_run_that_was_read(path: Path) -> None:
    check(path)


@pytest.mark.parametrize(
    "bad",
    ["torch.load('x')", "np.load('x', allow_pickle=True)", "yaml.load(x)", "eval(x)", "f(x, trust_remote_code=True)",
     "subprocess.run(x, shell=True)", "pickle.loads(x)"],
)  # fmt: skip
def test_what_would_be_run_is_found(tmp_path: Path, bad: str) -> None:
    (tmp_path / "bad.py").write_text(bad)
    with pytest.raises(AssertionError):
        check(tmp_path / "bad.py")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_hold_no_output(path: Path) -> None:
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert not cell.get("attachments")
        assert cell.get("execution_count") is None


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with a tokenizer, and `model`, a tiny model with its tokenizer."""
    folder = tmp_path_factory.mktemp("world")
    write_corpus(folder, seed=1, documents=60, validation_documents=20)
    tokenizer = load_fast_tokenizer(model_source(str(folder / "tokenizer")))
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = GPT2Config(vocab_size=len(tokenizer), n_layer=1, n_embd=16, n_head=2, n_positions=64, **ends)
    GPT2LMHeadModel(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return folder


def copy(world: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in (world / "model").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.mark.parametrize("name", ["attn_implementation", "_attn_implementation", "experts_implementation"])
@pytest.mark.parametrize("wrap", [lambda asked: asked, lambda asked: {"text_config": asked, "vision_config": {}}])
@pytest.mark.parametrize(
    "value", ["owner/kernel", {"": "sdpa", "text_config": "paged|owner/kernel@main:f"}, "flash_attention_2"]
)
def test_a_kernel_from_the_hub_is_not_asked_for(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wrap: Callable, value: object
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("transformers.modeling_utils.lazy_import_flash_attention", lambda *_, **__: asked.append(1))
    folder = copy(world, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | wrap({name: value})))
    for load in (load_model, load_scored_model, check_files):
        with pytest.raises(
            UserError, match=r"model: its config\.json asks for code from the hub \(.*(owner/kernel|flash)"
        ):
            load(model_source(str(folder)))
    assert not asked


@pytest.mark.parametrize("command", ["evaluate", "fit"])
def test_a_kernel_is_not_asked_for_by_a_hub_id_either(
    world: Path, tmp_path: Path, warm_offline: WarmInterpreter, command: str
) -> None:
    model = f"owner/{command}"
    fetched = warm_offline.hub / f"models--owner--{command}"
    for name in ("refs", "snapshots"):
        (fetched / name).mkdir(parents=True)
    (fetched / "refs" / "main").write_text("0123abcd")
    folder = copy(world, fetched / "snapshots" / "0123abcd")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attn_implementation": "owner/kernel"}))
    arguments = {
        "evaluate": [f"--model={model}", "--output=out"],
        "fit": [
            f"--model.teacher.path={model}", "--model.student.layers=[0]", "--trainer.default_root_dir=out",
            f"--data.train={world / 'validation.jsonl'}", "--data.block_size=32", "--trainer.max_steps=1",
        ],
    }  # fmt: skip
    done = warm_offline.run("distill", command, *arguments[command], cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert f"{model}: its config.json asks for code from the hub (attn_implementation: 'owner/kernel')" in done.stderr
    assert not (tmp_path / "out" / "student").exists()


def test_an_attention_of_transformers_own_is_used(world: Path, tmp_path: Path) -> None:
    folder = copy(world, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attn_implementation": "eager", "name": "a/b"}))
    assert load_model(model_source(str(folder))).config._attn_implementation == "eager"


def test_pickled_weights_are_refused(world: Path, tmp_path: Path) -> None:
    folder = copy(world, tmp_path / "pickled")
    torch.save(GPT2LMHeadModel.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    for load in (load_model, load_scored_model):
        with pytest.raises(UserError, match=r"pickle \(pytorch_model.bin\).*save_pretrained"):
            load(model_source(str(folder)))


def test_a_model_with_code_of_its_own_is_refused(world: Path, tmp_path: Path) -> None:
    folder = copy(world, tmp_path / "with-code")
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w').close()\nfrom transformers import GPT2Config as C, GPT2LMHeadModel as M\n"
    (folder / "code.py").write_text(code)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["code.T", "code.T"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    for load in (load_model, load_config, load_fast_tokenizer, load_scored_model):
        with pytest.raises(UserError):
            load(model_source(str(folder)))
    assert not ran.exists()


class Bomb:
    """Creates a file when it is read from a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_is_no_program(tmp_path: Path) -> None:
    for name, write in (("torch", torch.save), ("plain", lambda bomb, path: path.write_bytes(pickle.dumps(bomb)))):
        write({"state_dict": Bomb(tmp_path / "ran")}, tmp_path / f"{name}.ckpt")
        with pytest.raises(UserError, match="is corrupt or not a checkpoint"):
            read_checkpoint(tmp_path / f"{name}.ckpt")
    assert not (tmp_path / "ran").exists()


def asked(done: subprocess.CompletedProcess) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith(("CONNECTS TO", "LOOKS UP"))]


def test_no_command_asks_the_network_for_local_files(world: Path, tmp_path: Path, warm: WarmInterpreter) -> None:
    """Pack and fit, evaluate, report, preview and augment, with their worker processes."""
    student = "--model.student.config={model_type: gpt2, n_layer: 1, n_embd: 16, n_head: 2, n_positions: 128}"
    recipe = (
        f"--model.teacher.path={world / 'model'}", student, f"--data.train={world / 'validation.jsonl'}",
        "--data.block_size=32", "--data.global_batch_size=2", "--data.micro_batch_size=2", "--data.num_proc=2",
        "--data.cache_dir=cache", "--trainer.max_steps=2", "--trainer.accelerator=cpu",
    )  # fmt: skip
    text = str(world / "validation.jsonl")
    commands = [
        ("distill", "fit", *recipe, "--trainer.default_root_dir=fit"),
        ("distill", "evaluate", "--model=fit/student", "--output=evaluation", "--preset=smoke", f"--text={text}"),
        ("distill", "report", "evaluation", "--output=report.html"),
        ("distill", "preview", *recipe, f"--text={text}", "--output=preview"),
        ("augment", "corpus", f"--input={text}", "--output=reversed.parquet", "--num_proc=2"),
    ]
    for program, *arguments in commands:
        done = warm.run(program, *arguments, cwd=tmp_path)
        assert done.returncode == 0, f"{arguments[0]}: {done.stderr[-2000:]}"
        assert not asked(done), arguments[0]


@pytest.mark.parametrize("interpreter", ["warm_offline", "warm"], ids=["offline", "online"])
@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("distill", ["evaluate", "--model=some/model", "--output=out"]),
        ("augment", ["corpus", "--input=some/text", "--output=out"]),
    ],
)
def test_a_hub_id_is_asked_for_unless_offline(
    tmp_path: Path, request: pytest.FixtureRequest, program: str, arguments: list[str], interpreter: str
) -> None:
    # The hub's client would wait for half a minute between its attempts.
    no_waiting = "import time; time.sleep = lambda seconds: None"
    done = request.getfixturevalue(interpreter).run(program, *arguments, cwd=tmp_path, before=no_waiting)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert set(asked(done)) == (set() if interpreter == "warm_offline" else {"LOOKS UP huggingface.co"})
    assert not (tmp_path / "out").exists()
