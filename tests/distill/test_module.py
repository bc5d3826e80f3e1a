"""The module and its data, in Python and on the command line: gradients, precision, vocabularies, logging."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import pytorch_lightning as pl
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from distill.config import PerturbationConfig, StudentConfig, TeacherConfig
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import UserError
from distill.module import DistillationModule
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary
from tests.equivariance import gap_by_definition, groups_of
from tests.fits import fit, metrics, no_dropout, weights


def test_the_checkpoint_holds_no_teacher(run):
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert state
    assert all(name.startswith("student.") for name in state)
    assert not any(".h.2." in name for name in state)


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


def test_an_empty_role_reversed_vocabulary_is_refused(gpt2_folder):
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


def test_nothing_is_logged_unless_requested(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.log_every_n_steps=0", "--trainer.max_steps=2", "--trainer.limit_val_batches=0")
    assert (tmp_path / "student" / "config.json").is_file()
    assert metrics(tmp_path) == []


def test_accumulation_changes_nothing(recipe, tmp_path):
    overrides = ("--model.optimizer.eps=1", "--trainer.max_steps=3", "--trainer.limit_val_batches=0")
    for size in (2, 8):
        fit(recipe, tmp_path / str(size), f"--data.micro_batch_size={size}", *overrides, no_dropout(tmp_path, recipe))
    one, other = weights(tmp_path / "2"), weights(tmp_path / "8")
    assert all(torch.allclose(tensor, other[name], atol=1e-6) for name, tensor in one.items())


def test_two_processes_have_the_gradients_of_one(recipe, tmp_path):
    # With a large eps AdamW's update is proportional to the gradient: equal weights, and equal averages of them, prove
    # equal gradients.
    overrides = (
        "--model.optimizer.eps=1", "--model.optimizer.lr=1", "--trainer.max_steps=3", "--model.optimizer.average=0.9",
    )  # fmt: skip
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
        for column in ("train/loss", "val/loss", "val/equivariance"):
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


@pytest.mark.parametrize("falls", [False, True])
def test_the_odds_are_a_term_whose_weight_may_fall(recipe, tmp_path, falls):
    fit(recipe, tmp_path, "--model.loss.odds_weight=2", f"--model.loss.odds_falls={falls}", "--trainer.max_steps=6")
    rows = [row for row in metrics(tmp_path) if row["train/odds"]]
    loss, kd, odds, step = (
        torch.tensor([float(row[name]) for row in rows]) for name in ("train/loss", "train/kd", "train/odds", "step")
    )
    assert (odds > 0).all()
    torch.testing.assert_close((loss - kd) / odds, 2 * (1 - step / 6) if falls else torch.full_like(odds, 2.0),
                               rtol=1e-2, atol=0.0)  # fmt: skip
    *_, measured = (row for row in metrics(tmp_path) if row["val/odds"])
    assert float(measured["val/loss"]) == pytest.approx(float(measured["val/kd"]) + 2 * float(measured["val/odds"]))


def test_bf16(recipe, tmp_path):
    fit(recipe, tmp_path, "--trainer.precision=bf16-mixed", "--model.teacher.dtype=bfloat16", "--trainer.max_steps=2")
    assert all(torch.isfinite(tensor).all() for tensor in weights(tmp_path).values())


SMALL_STUDENT = {
    "model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1,
    "max_position_embeddings": 32, "initializer_range": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("operator", ["none", "expmean"])
@pytest.mark.parametrize("student", [StudentConfig(layers=[0, 2]), StudentConfig(config=SMALL_STUDENT)])
def test_validation_measures_the_equivariance_gap(gpt2_folder, tmp_path, operator, student):
    """With or without an operator; where a reversal outgrows the student, nothing is measured."""
    text = tmp_path / "text.txt"
    text.write_text("the nurse said that the heir saw her.\n\nhe said that the heir saw the heir and the heir. " * 8)
    module = DistillationModule(
        TeacherConfig(str(gpt2_folder)), student=student, perturbation=PerturbationConfig(operator)
    )
    data = CounterfactualDataModule(
        module.tokenizer, train=str(text), validation=str(text), block_size=32, global_batch_size=2,
        micro_batch_size=2, num_proc=1, num_workers=0, cache_dir=str(tmp_path / "cache"),
    )  # fmt: skip
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=tmp_path,
    )  # fmt: skip
    torch.manual_seed(0)
    (logged,) = trainer.validate(module, data, verbose=False)

    model, groups = module.student.double().eval(), groups_of(ReversedVocabulary.from_tokenizer(module.tokenizer))
    limit = model.config.max_position_embeddings
    gaps, unreachable = [], 0
    for index in range(len(data.validation_blocks)):
        block = data.validation_blocks[index]
        with torch.no_grad():
            factual = model(input_ids=torch.tensor(block.inputs)[None]).logits[0].softmax(-1).tolist()
            other = torch.tensor(block.counterfactual)[None, :limit]
            read = model(input_ids=other).logits[0].softmax(-1).tolist() if other.numel() else []
        positions = iter(block.positions.tolist())
        for kind, p in zip(block.prefix.tolist(), factual, strict=True):
            if kind == PrefixKind.NEUTRAL:
                gaps.append(gap_by_definition(p, p, groups))
            elif kind == PrefixKind.REVERSED:
                if (position := next(positions)) < limit:
                    gaps.append(gap_by_definition(p, read[position], groups))
                else:
                    unreachable += 1
    assert (unreachable > 0) == (student.layers is None)
    assert sum(gaps) > 0.01
    assert logged["val/equivariance"] == pytest.approx(sum(gaps) / len(gaps), rel=1e-4)


def test_without_gendered_tokens_there_is_no_gap_to_log(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(DistillationModule, "_gap_vocabulary", ReversedVocabulary.from_pairs([]))
    fit(recipe, tmp_path, "--trainer.max_steps=2")
    rows = metrics(tmp_path)
    assert any(row["val/loss"] for row in rows)
    assert "val/equivariance" not in rows[0]


def test_measuring_the_gap_changes_nothing_that_is_learnt(recipe, run, tmp_path, monkeypatch):
    """Not even the dropout of the steps after a validation."""
    monkeypatch.setattr(DistillationModule, "_gap_vocabulary", ReversedVocabulary.from_pairs([]))
    fit(recipe, tmp_path)
    assert (tmp_path / "student/model.safetensors").read_bytes() == (run / "student/model.safetensors").read_bytes()
    assert any(float(row["val/equivariance"] or 0) > 0 for row in metrics(run))


def test_the_gap_can_stop_a_run_and_choose_a_checkpoint(recipe, tmp_path):
    """As docs/recipes.md says."""
    watched = {"monitor": "val/equivariance"}
    callbacks = [
        {
            "class_path": "pytorch_lightning.callbacks.EarlyStopping",
            "init_args": watched | {"min_delta": 1, "patience": 1},
        },
        {"class_path": "pytorch_lightning.callbacks.ModelCheckpoint", "init_args": watched | {"filename": "smallest"}},
    ]
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump({"trainer": {"callbacks+": callbacks}}))
    fit(recipe, tmp_path / "run", f"--config={overlay}")
    gaps = [float(row["val/equivariance"]) for row in metrics(tmp_path / "run") if row["val/equivariance"]]
    assert len(gaps) == 2
    assert metrics(tmp_path / "run")[-1]["step"] == "3"
    (smallest,) = (tmp_path / "run").rglob("smallest.ckpt")
    assert torch.load(smallest, weights_only=True)["global_step"] == 2 * (1 + gaps.index(min(gaps)))
    assert (tmp_path / "run" / "student" / "model.safetensors").is_file()
