"""`distill fit` and its relatives, end to end on tiny models: files, overrides, devices, continuing, and mistakes."""

import copy
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
import yaml
from markdown_it import MarkdownIt
from transformers import AutoModelForCausalLM, AutoTokenizer

from distill.cli.dispatch import main
from distill.config import PerturbationConfig, StudentConfig, TeacherConfig
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import UserError
from distill.module import DistillationModule
from distill.perturbation.reversed_vocabulary import ReversedVocabulary
from tests.fits import fit, metrics, refused, weights


def test_a_fit_writes_what_it_names(run):
    assert {path.name for path in run.iterdir()} == {"student", "checkpoints", "config.yaml", "metrics.csv"}
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= {
        path.name for path in (run / "student").iterdir()
    }
    rows = metrics(run)
    losses = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    assert [row for row in rows if row["val/loss"]]


def test_the_card_says_what_the_student_is(run, gpt2_folder):
    card = (run / "student" / "README.md").read_text()
    for fact in (
        str(gpt2_folder),
        "layers 0, 2",
        "expmean, reversed vocabulary, all contexts",
        "best.ckpt",
        "2203.12574",
    ):
        assert fact in card


def test_a_teacher_in_the_home_folder_is_no_model_of_the_hub(recipe, tmp_path, gpt2_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(gpt2_folder.parent))
    fit(recipe, tmp_path, f"--model.teacher.path=~/{gpt2_folder.name}", "--trainer.max_steps=1",
        "--trainer.limit_val_batches=0")  # fmt: skip
    assert "base_model" not in (tmp_path / "student" / "README.md").read_text()


def test_names_are_text_in_the_card(recipe, tmp_path):
    """Hubs render the card; a name is whatever its owner called it."""
    output = tmp_path / "run|<script>alert(1)<"
    text = tmp_path / "<img src=x onerror=alert(1)>|.jsonl"
    text.write_bytes(Path(yaml.safe_load(recipe.read_text())["data"]["train"]).read_bytes())
    fit(recipe, output, f"--data.train={text}", "--trainer.max_steps=2")
    rendered = (
        MarkdownIt("commonmark", {"html": True}).enable("table").render((output / "student/README.md").read_text())
    )
    assert "<script" not in rendered
    assert "<img" not in rendered
    assert "run|&lt;script&gt;alert(1)&lt;" in rendered
    assert "&lt;img src=x onerror=alert(1)&gt;|.jsonl" in rendered


def test_a_baseline_claims_nothing(recipe, tmp_path):
    fit(recipe, tmp_path, "--model.perturbation.operator=none", "--trainer.max_steps=2")
    card = (tmp_path / "student" / "README.md").read_text()
    assert "this is a baseline" in card
    assert "role reversal" not in card
    assert "counterfactual-role-reversal" not in card
    assert {row["train/reversed_rows"] for row in metrics(tmp_path) if row["train/loss"]} == {"0.0"}


def test_the_checkpoint_holds_no_teacher(run):
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert state
    assert all(name.startswith("student.") for name in state)
    assert not any(".h.2." in name for name in state)


def test_the_exported_student_gives_the_same_logits(run, recipe):
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    student = AutoModelForCausalLM.from_pretrained(run / "student").eval()
    for name, tensor in student.state_dict().items():
        assert torch.equal(tensor, best[f"student.{name}"])
    tokenizer = AutoTokenizer.from_pretrained(run / "student")
    inputs = tokenizer("The nurse said that", return_tensors="pt")
    assert student.generate(inputs["input_ids"], max_new_tokens=4).shape[1] > inputs["input_ids"].shape[1]


def test_the_same_command_gives_the_same_student(run, recipe, tmp_path):
    fit(recipe, tmp_path)
    again = weights(tmp_path)
    assert all(torch.equal(tensor, again[name]) for name, tensor in weights(run).items())


def test_a_tokenizer_with_limits_gives_whole_documents(tokenizer, tmp_path):
    limited = copy.deepcopy(tokenizer)
    limited("she said", truncation=True, max_length=2)
    limited.backend_tokenizer.enable_padding(length=9)
    text = tmp_path / "text.txt"
    text.write_text("The nurse said that she was late. " * 4)
    data = CounterfactualDataModule(limited, train=str(text), num_proc=1, cache_dir=str(tmp_path / "cache"))
    data.prepare_data()
    tokens = next((tmp_path / "cache").glob("*/tokens.bin")).stat().st_size // 2
    assert tokens == len(tokenizer(text.read_text().rstrip("\n"))["input_ids"]) + 1


def test_the_two_modules_without_the_command_line(gpt2_folder, tmp_path):
    """… and reversals that outgrow the teacher's positions."""
    text = tmp_path / "text.txt"
    text.write_text("the heir saw the actor and the heir saw the actor. " * 100)
    module = DistillationModule(
        teacher=TeacherConfig(str(gpt2_folder)),
        student=StudentConfig(layers=[0, 2]),
        perturbation=PerturbationConfig("expmean", "reversed", "all"),
    )
    data = CounterfactualDataModule(
        module.tokenizer, train=str(text), block_size=64, global_batch_size=2, micro_batch_size=2, num_proc=1,
        num_workers=0, cache_dir=str(tmp_path / "cache"),
    )  # fmt: skip
    pl.Trainer(
        accelerator="cpu", max_steps=2, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    ).fit(module, data)  # fmt: skip
    assert module.global_step == 2
    assert max(len(data.train_blocks[index].counterfactual) for index in range(len(data.train_blocks))) == 64


def test_model_and_data_without_one_vocabulary_are_refused(gpt2_folder, tmp_path):
    module = DistillationModule(teacher=TeacherConfig(str(gpt2_folder)), student=StudentConfig(layers=[0]))
    other = AutoTokenizer.from_pretrained(gpt2_folder)
    other.add_tokens(["zyx"])
    data = CounterfactualDataModule(other, train=str(tmp_path / "text.txt"), cache_dir=str(tmp_path / "cache"))
    with pytest.raises(UserError, match="vocabularies of the model and the data differ: token 'zyx' is missing"):
        pl.Trainer(accelerator="cpu", max_steps=1, logger=False, default_root_dir=tmp_path).fit(module, data)
    assert not (tmp_path / "cache").exists()


def test_a_role_reversed_vocabulary_that_is_used_holds_something(gpt2_folder):
    module = DistillationModule(
        TeacherConfig(str(gpt2_folder)),
        student=StudentConfig(layers=[0]),
        perturbation=PerturbationConfig("expmean", "reversed", "all"),
    )
    module.vocabulary = ReversedVocabulary.from_pairs([])
    with pytest.raises(UserError, match="vocabulary reversed is empty"):
        module.check_data(module.tokenizer, 8, names=False)
    module.perturbation = replace(module.perturbation, operator="none")
    module.check_data(module.tokenizer, 8, names=False)


@pytest.mark.parametrize("names", [True, False])
def test_names_are_reversed_in_text_and_vocabulary_or_in_neither(gpt2_folder, names):
    module = DistillationModule(
        TeacherConfig(str(gpt2_folder)),
        student=StudentConfig(layers=[0]),
        perturbation=PerturbationConfig("expmean", "reversed", "all"),
        names=names,
    )
    module.vocabulary = ReversedVocabulary.from_pairs([((1,), (2,))])
    module.check_data(module.tokenizer, 8, names=names)
    with pytest.raises(UserError, match="give module and data the same `names`"):
        module.check_data(module.tokenizer, 8, names=not names)
    module.perturbation = replace(module.perturbation, operator="none")
    module.check_data(module.tokenizer, 8, names=not names)


def test_nothing_is_logged_where_nobody_asks(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.log_every_n_steps=0", "--trainer.max_steps=2", "--trainer.limit_val_batches=0")
    assert (tmp_path / "student" / "config.json").is_file()
    assert metrics(tmp_path) == []


def test_where_a_run_went_on_is_no_part_of_its_recipe(recipe, tmp_path, caplog):
    for steps in (1, 2):
        fit(recipe, tmp_path / "run", f"--trainer.max_steps={steps}", "--ckpt_path=last")
    written = tmp_path / "run" / "config.yaml"
    assert yaml.safe_load(written.read_text())["ckpt_path"] is None
    with caplog.at_level("INFO"):
        main(["validate", f"--config={written}"])
    assert f"measuring {tmp_path / 'run' / 'checkpoints' / 'best.ckpt'}" in caplog.text


def test_a_finished_run_is_not_replaced_in_silence(recipe, tmp_path, caplog):
    with caplog.at_level("INFO"):
        fit(recipe, tmp_path, "--trainer.max_steps=1")
        assert "will be replaced" not in caplog.text
        fit(recipe, tmp_path, "--trainer.max_steps=1")
    assert f"the finished run in {tmp_path} will be replaced" in caplog.text


def test_a_warning_is_one_line_of_the_command(recipe, tmp_path, warm):
    done = warm.run(
        "distill", "fit", f"--config={recipe}", f"--trainer.default_root_dir={tmp_path}",
        "--trainer.max_steps=1", "--data.validation=null", "--model.loss.hidden_weight=0.5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "Warning" in line or " warning:" in line]
    assert lines == [
        "distill fit: warning: model.loss.hidden_weight > 0 pulls the student's hidden states to the factual, biased "
        "ones: set it to 0"
    ]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("test", ["Measure the losses of a checkpoint on data.validation"]),
        ("fit", ["Train a student", "it follows from data.global_batch_size", "The run's folder, on this machine"]),
    ],
)
def test_help_says_what_holds_here(capsys, command, words):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(word in shown for word in words)
    assert "never run on your" not in shown
    assert "s3://" not in shown


def test_measuring_a_run_leaves_its_files_alone(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.max_steps=2")
    before = {name: (tmp_path / name).read_bytes() for name in ("metrics.csv", "config.yaml")}
    last = f"--ckpt_path={tmp_path / 'checkpoints' / 'last.ckpt'}"
    fit(recipe, tmp_path, last, command="validate")
    fit(recipe, tmp_path, "--ckpt_path=last", command="test")
    assert before == {name: (tmp_path / name).read_bytes() for name in before}


def test_the_last_checkpoint_is_the_last_step_even_if_validation_got_worse(recipe, tmp_path):
    fit(recipe, tmp_path, "--model.optimizer.lr=3", "--trainer.max_steps=5", "--trainer.val_check_interval=1")
    best, last = (
        torch.load(tmp_path / "checkpoints" / f"{name}.ckpt", weights_only=True)["global_step"]
        for name in ("best", "last")
    )
    assert best < last == 5


def test_without_validation_there_is_a_checkpoint_to_continue_from(recipe, tmp_path):
    fit(recipe, tmp_path, "--data.validation=null", "--checkpoint.every_n_train_steps=2", "--trainer.max_steps=3")
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"last.ckpt"}
    assert "the last step" in (tmp_path / "student" / "README.md").read_text()


def test_validate_and_test_read_a_checkpoint(run, recipe, tmp_path, capsys):
    fit(recipe, tmp_path, f"--ckpt_path={run / 'checkpoints' / 'best.ckpt'}", command="validate")
    last = [row for row in metrics(run) if row["val/loss"]][-1]
    assert f"{float(last['val/loss']):.4f}"[:5] in capsys.readouterr().out
    fit(recipe, tmp_path, f"--ckpt_path={run / 'checkpoints' / 'best.ckpt'}", command="test")


@pytest.mark.parametrize("command", ["validate", "test"])
def test_the_best_checkpoint_is_measured_or_else_the_last(recipe, run, tmp_path, capsys, caplog, command):
    (tmp_path / "checkpoints").mkdir()
    measured = {}
    for name in ("last", "best"):
        file = shutil.copy(run / "checkpoints" / f"{name}.ckpt", tmp_path / "checkpoints")
        caplog.clear()
        with caplog.at_level("INFO"):
            fit(recipe, tmp_path, command=command)
        assert f"measuring {file}" in caplog.text
        measured[name] = capsys.readouterr().out
        fit(recipe, tmp_path, f"--ckpt_path={file}", command=command)
        assert measured[name] == capsys.readouterr().out
        assert "/loss" in measured[name]


@pytest.mark.parametrize("command", ["validate", "test"])
def test_a_student_that_has_learnt_nothing_is_not_measured(recipe, tmp_path, capsys, command):
    output = tmp_path / "run"
    with pytest.raises(SystemExit) as caught:
        fit(recipe, output, command=command)
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"there is no checkpoint in {str(output / 'checkpoints')!r}" in error
    assert not output.exists()


def test_overrides_reach_interpolations(recipe, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("trainer:\n  max_steps: ${data.micro_batch_size}\n")
    fit(recipe, tmp_path / "run", f"--config={overlay}", "--data.micro_batch_size=4")
    assert len([row for row in metrics(tmp_path / "run") if row["train/loss"]]) == 4


def test_accumulation_changes_nothing(recipe, tmp_path):
    overrides = ("--model.optimizer.eps=1", "--trainer.max_steps=3", "--trainer.limit_val_batches=0")
    for size in (2, 8):
        fit(recipe, tmp_path / str(size), f"--data.micro_batch_size={size}", *overrides, no_dropout(tmp_path, recipe))
    one, other = weights(tmp_path / "2"), weights(tmp_path / "8")
    assert all(torch.allclose(tensor, other[name], atol=1e-6) for name, tensor in one.items())


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


def test_two_processes_have_the_gradients_of_one(recipe, tmp_path):
    # With a large eps AdamW's update is proportional to the gradient: equal weights prove equal gradients.
    overrides = ("--model.optimizer.eps=1", "--model.optimizer.lr=1", "--trainer.max_steps=3")
    fit(recipe, tmp_path / "one", *overrides)
    command = [
        sys.executable, "-m", "distill", "fit", f"--config={recipe}", *overrides,
        f"--trainer.default_root_dir={tmp_path / 'two'}", "--trainer.devices=2", "--trainer.strategy=ddp",
    ]  # fmt: skip
    finished = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    start = AutoModelForCausalLM.from_pretrained(yaml.safe_load(recipe.read_text())["model"]["teacher"]["path"])
    moved = one["transformer.wte.weight"] - start.state_dict()["transformer.wte.weight"]
    assert moved.abs().max() > 1e-3
    for name, tensor in one.items():
        assert torch.allclose(tensor, two[name], atol=1e-6), name
    for single, double in zip(metrics(tmp_path / "one"), metrics(tmp_path / "two"), strict=True):
        for column in ("train/loss", "val/loss"):
            if single[column]:
                assert float(single[column]) == pytest.approx(float(double[column]), rel=1e-5)


def test_plain_language_modelling_needs_no_teacher(corpus, recipe, tmp_path):
    fit(
        recipe, tmp_path, "--model.teacher.path=null", f"--model.tokenizer={corpus / 'tokenizer'}",
        "--model.student.layers=null", "--model.student.config={model_type: llama, hidden_size: 8, "
        "intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 1, max_position_embeddings: 64}",
        "--model.loss.kd_weight=0", "--model.loss.lm_weight=1", "--model.perturbation.operator=none",
        "--model.perturbation.vocabulary=identity", "--trainer.max_steps=2", "--data.validation=null",
    )  # fmt: skip
    rows = metrics(tmp_path)
    assert float(rows[0]["train/loss"]) == float(rows[0]["train/lm"]) > 0
    assert "the last step" in (tmp_path / "student" / "README.md").read_text()


def test_the_hidden_term_pulls_the_student_to_its_teacher(recipe, tmp_path):
    fit(recipe, tmp_path, "--model.loss.hidden_weight=1", "--model.loss.kd_weight=0", "--trainer.max_steps=6",
        "--model.perturbation.operator=none")  # fmt: skip
    hidden = [float(row["train/hidden"]) for row in metrics(tmp_path) if row["train/hidden"]]
    assert hidden[0] > hidden[-1] > 0


def test_bf16(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.precision=bf16-mixed", "--model.teacher.dtype=bfloat16", "--trainer.max_steps=2")
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path).values())


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["--model.loss.lm_weight=0.5"], "without augmentation"),
        (["--model.loss.lm_weight=0.5", "--data.augmentation=append", "--data.names=false"], "Mary said he"),
        (["--model.loss.hidden_weight=0.5"], "hidden_weight"),
    ],
)
def test_what_teaches_the_bias_again_warns(recipe, tmp_path, overrides, reason):
    with pytest.warns(UserWarning, match=reason):
        fit(recipe, tmp_path, "--trainer.max_steps=1", "--trainer.limit_val_batches=0", *overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["--model.student.layers=[0,9]"], "model.student.layers: 9 is out of range, the teacher has layers 0 to 3"),
        (["--model.teacher.path=./nowhere"], "./nowhere: no such folder"),
        (["--data.train=./nowhere.txt"], "nowhere.txt"),
        (["--data.field=body"], "body"),
        (["--data.block_size=128"], "longer than the teacher's 64 positions"),
        (["--data.global_batch_size=5"], "not a multiple of data.micro_batch_size"),
        (["--data.global_batch_size=80000"], "fewer than one global batch"),
        (["--model.loss.kd_weight=0", "--model.teacher.path=null"], "model.tokenizer"),
        (["--model.teacher.path=null"], "without a teacher"),
        (["--model.loss.temperature=0"], "model.loss.temperature is 0.0: it must be more than 0"),
        (["--model.optimizer.lr=-1"], "model.optimizer.lr"),
        (["--model.loss.kd_weight=0", "--model.loss.lm_weight=1"], "no target is ever used"),
        (["--data.train=[]"], "data.train is empty"),
        (["--data.num_workers=-1"], "data.num_workers is -1"),
        (["--trainer.accumulate_grad_batches=2"], "it follows from data.global_batch_size"),
        (["--trainer.limit_train_batches=1"], "trainer.limit_train_batches can't be set"),
        (["--trainer.val_check_interval=00:01:00:00"], "trainer.val_check_interval can't be a time"),
        (["--trainer.overfit_batches=1"], "trainer.overfit_batches can't be set"),
        (["--trainer.devices=0"], "trainer: "),
        (["--ckpt_path=nowhere.ckpt"], "there is no file 'nowhere.ckpt'"),
        (["--trainer.max_steps=0"], "trainer.max_steps is 0: nothing would be learnt"),
        (["--trainer.max_steps=-1", "--trainer.max_epochs=0"], "trainer.max_epochs is 0: nothing would be learnt"),
        (["--trainer.default_root_dir=s3://bucket/run"], "'s3://bucket/run' is an address: give a folder"),
        (["--model.student.layers=null", "--model.student.config={model_type: gpt2, vocab_size: 5000}"], "5000 tokens"),
    ],
)
def test_mistakes_are_one_line_before_anything_starts(capsys, recipe, tmp_path, overrides, message):
    error = refused(capsys, recipe, tmp_path / "run", *overrides)
    assert message in error
    assert error.startswith("distill fit: error:")


def test_unknown_names_are_refused_with_the_choices(capsys, recipe, tmp_path):
    with pytest.raises(SystemExit) as caught:
        fit(recipe, tmp_path / "run", "--model.perturbation.operator=median")
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "median" in error
    assert "expmean" in error
    with pytest.raises(SystemExit):
        fit(recipe, tmp_path / "run", "--model.teacherpath=x")
    assert not (tmp_path / "run").exists()


def test_other_vocabulary_is_refused(capsys, recipe, tmp_path, gpt2_folder):
    other = tmp_path / "other"
    AutoModelForCausalLM.from_pretrained(gpt2_folder).save_pretrained(other)
    AutoTokenizer.from_pretrained(gpt2_folder).save_pretrained(other)
    file = other / "tokenizer.json"
    state = json.loads(file.read_text())
    vocabulary = state["model"]["vocab"]
    vocabulary["Ġhe"], vocabulary["Ġshe"] = vocabulary["Ġshe"], vocabulary["Ġhe"]
    file.write_text(json.dumps(state))
    error = refused(capsys, recipe, tmp_path / "run", "--model.student.layers=null", f"--model.student.path={other}")
    assert "vocabularies" in error
    assert "differ" in error


def test_text_shorter_than_a_block_is_refused(capsys, recipe, tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("The nurse said that she was late.\n")
    assert "fewer than one block" in refused(capsys, recipe, tmp_path / "run", f"--data.train={short}")
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    assert "empty.txt" in refused(capsys, recipe, tmp_path / "run", f"--data.train={empty}")


def test_an_output_that_can_not_be_written_is_refused(capsys, recipe, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("here")
    with pytest.raises(SystemExit) as caught:
        fit(recipe, blocker / "run")
    assert caught.value.code == 2
    assert "is a file, not a folder" in capsys.readouterr().err
    assert blocker.read_text() == "here"


def test_a_damaged_teacher_is_named_before_anything_is_packed(capsys, recipe, tmp_path, gpt2_folder):
    teacher = tmp_path / "teacher"
    shutil.copytree(gpt2_folder, teacher)
    file = teacher / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    overrides = (f"--model.teacher.path={teacher}", f"--data.cache_dir={tmp_path / 'cache'}")
    assert f"{file}: damaged, or cut short" in refused(capsys, recipe, tmp_path / "run", *overrides)
    assert not (tmp_path / "cache").exists()


def test_a_model_that_can_not_be_loaded_leaves_the_run_as_it_was(capsys, recipe, tmp_path, monkeypatch):
    def damaged(*_):
        raise UserError("no such model")

    done = tmp_path / "done"
    fit(recipe, done, "--trainer.max_steps=1", "--trainer.limit_val_batches=0")
    before = {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
    monkeypatch.setattr("distill.module.load_teacher", damaged)
    assert "no such model" in refused(capsys, recipe, tmp_path / "new")
    with pytest.raises(SystemExit):
        fit(recipe, done, "--model.optimizer.lr=0.02")
    assert before == {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
