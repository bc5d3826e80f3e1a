"""Mistakes in what a fit is given: one line, before anything starts or is replaced."""

import json
import shutil

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from distill.errors import UserError
from tests.fits import fit, refused


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
        (["--model.loss.kd_weight=0", "--model.loss.lm_weight=1"], "the target is never used"),
        (["--data.train=[]"], "data.train is empty"),
        (["--data.num_workers=-1"], "data.num_workers is -1"),
        (["--trainer.accumulate_grad_batches=2"], "it follows from data.global_batch_size"),
        (["--trainer.limit_train_batches=1"], "trainer.limit_train_batches cannot be set"),
        (["--trainer.val_check_interval=00:01:00:00"], "trainer.val_check_interval cannot be a time"),
        (["--trainer.overfit_batches=1"], "trainer.overfit_batches cannot be set"),
        (["--trainer.devices=0"], "trainer: "),
        (["--ckpt_path=nowhere.ckpt"], "there is no file 'nowhere.ckpt'"),
        (["--trainer.max_steps=0"], "trainer.max_steps is 0: nothing would be learnt"),
        (["--trainer.max_steps=-1", "--trainer.max_epochs=0"], "trainer.max_epochs is 0: nothing would be learnt"),
        (["--trainer.default_root_dir=s3://bucket/run"], "'s3://bucket/run' is an address: give a folder"),
        (["--model.student.layers=null", "--model.student.config={model_type: gpt2, vocab_size: 5000}"], "5000 tokens"),
        (
            ["--data.document_mask=true", "--model.student.layers=null", "--model.student.config={model_type: mamba}"],
            "student: this architecture cannot keep the documents of a block apart",
        ),
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
    assert f"{file}: truncated or corrupt" in refused(capsys, recipe, tmp_path / "run", *overrides)
    assert not (tmp_path / "cache").exists()


def test_a_model_that_can_not_be_loaded_leaves_the_run_as_it_was(capsys, recipe, tmp_path, monkeypatch):
    def damaged(*_):
        raise UserError("no such model")

    done = tmp_path / "done"
    fit(recipe, done, "--trainer.max_steps=1", "--trainer.limit_val_batches=0")
    before = {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
    monkeypatch.setattr("distill.models.teacher_and_student.load_teacher", damaged)
    assert "no such model" in refused(capsys, recipe, tmp_path / "new")
    with pytest.raises(SystemExit):
        fit(recipe, done, "--model.optimizer.lr=0.02")
    assert before == {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
