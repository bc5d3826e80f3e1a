"""Runs in which the student writes a part of its text: on any number of devices, after a kill, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import FSDPStrategy

from distill import rollouts
from distill.config import PerturbationConfig, RolloutConfig, StudentConfig, TeacherConfig
from distill.data.blocks import IGNORED_LABEL
from distill.data.datamodule import CounterfactualDataModule
from distill.data.written_rows import written_document
from distill.errors import UserError
from distill.module import DistillationModule
from distill.rollouts import RolloutWriter, check_rollout_strategy
from tests.fits import fit, metrics, no_dropout, refused, weights
from tests.scenarios.test_resume import die_in, killed_fit

ROLLOUTS = ("--data.rollout.share=0.5", "--data.rollout.prompts=documents", "--data.rollout.max_new_tokens=9")


@pytest.fixture(scope="module")
def trained(gpt2_folder, corpus, tmp_path_factory) -> tuple[DistillationModule, CounterfactualDataModule]:
    """A module and its data after one step."""
    module = DistillationModule(
        TeacherConfig(str(gpt2_folder)),
        student=StudentConfig(layers=[0, 2]),
        perturbation=PerturbationConfig("expmean", "reversed", "all"),
    )
    data = CounterfactualDataModule(
        module.tokenizer, train=str(corpus / "validation.jsonl"), block_size=48, global_batch_size=8,
        micro_batch_size=4, num_proc=1, num_workers=0, cache_dir=str(tmp_path_factory.mktemp("cache")),
        rollout=RolloutConfig(0.5, "documents", 12),
    )  # fmt: skip
    pl.Trainer(
        accelerator="cpu", max_steps=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path_factory.mktemp("run"),
    ).fit(module, data)  # fmt: skip
    return module, data


def test_texts_are_a_function_of_weights_and_key(trained):
    module, data = trained
    writer = RolloutWriter(data, seed=3)
    module.student.train()
    whole, dropped = writer.write(module.student, 5, [0, 1, 2, 3, 4, 5])
    assert module.student.training
    for number, expected in enumerate(whole):
        (alone,), _ = writer.write(module.student, 5, [number])
        assert (alone is None) == (expected is None)
        assert alone is None or all(
            torch.equal(ours, theirs) for ours, theirs in zip(alone[:5], expected[:5], strict=True)
        )
    assert sum(len(batch.inputs) for batch in whole if batch is not None) + dropped == 6 * 2 * (48 // 20)
    other_step, _ = writer.write(module.student, 6, [0, 1, 2, 3, 4, 5])
    assert [batch and batch.inputs.tolist() for batch in other_step] != [b and b.inputs.tolist() for b in whole]


def test_only_what_the_student_wrote_has_labels(trained):
    module, data = trained
    writer = RolloutWriter(data, seed=3)
    prompts = {tuple(prompt) for prompt in rollouts.read_prompts(data)}
    batches, _ = writer.write(module.student, 0, [0, 1, 2, 3, 4, 5])
    rows = [row for batch in batches if batch for row in zip(batch.inputs.tolist(), batch.labels.tolist(), strict=True)]
    assert rows
    for inputs, labels in rows:
        assert tuple(inputs[:8]) in prompts
        labelled = [position for position, label in enumerate(labels) if label != IGNORED_LABEL]
        assert labelled == list(range(7, 7 + len(labelled)))
        assert 1 <= len(labelled) <= 12
        assert [labels[position] for position in labelled[:-1]] == inputs[8 : 7 + len(labelled)]


def test_texts_that_are_none_are_dropped_and_counted(trained, monkeypatch):
    module, data = trained
    writer = RolloutWriter(data, seed=3)
    seen = []
    text = data.train_blocks[0].inputs[:12].tolist()
    document = written_document(text, [], data.reverser, data.tokenizer)

    def every_other(*arguments):
        seen.append(None)
        return None if len(seen) % 2 else document

    monkeypatch.setattr(rollouts, "written_document", every_other)
    batches, dropped = writer.write(module.student, 0, [0, 1])
    assert dropped == 4
    assert [len(batch.inputs) for batch in batches] == [2, 2]
    monkeypatch.setattr(rollouts, "written_document", lambda *arguments: None)
    assert writer.write(module.student, 0, [0, 1]) == ([None, None], 8)


def test_any_division_of_a_step_has_the_gradients_of_one_batch(recipe, tmp_path):
    # With a large eps AdamW's update is proportional to the gradient: equal weights prove equal gradients.
    overrides = (
        *ROLLOUTS, no_dropout(tmp_path, recipe), "--model.optimizer.eps=1", "--model.optimizer.lr=1",
        "--trainer.max_steps=2", "--model.loss.lm_weight=0.3", "--model.loss.hidden_weight=0.2",
        "--data.augmentation=append",
    )  # fmt: skip
    fit(recipe, tmp_path / "one", *overrides, "--data.micro_batch_size=8")
    fit(recipe, tmp_path / "four", *overrides, "--data.micro_batch_size=2")
    command = [
        sys.executable, "-m", "distill", "fit", f"--config={recipe}", *overrides, "--data.micro_batch_size=2",
        f"--trainer.default_root_dir={tmp_path / 'two'}", "--trainer.devices=2", "--trainer.strategy=ddp",
    ]  # fmt: skip
    finished = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    expected = weights(tmp_path / "one")
    for name in ("four", "two"):
        for tensor, ours in weights(tmp_path / name).items():
            torch.testing.assert_close(ours, expected[tensor], rtol=0, atol=1e-6, msg=f"{name}: {tensor}")
        for row, other in zip(metrics(tmp_path / name), metrics(tmp_path / "one"), strict=True):
            for column in ("train/loss", "train/kd", "train/lm", "train/hidden", "train/rollouts"):
                if other[column]:
                    assert float(row[column]) == pytest.approx(float(other[column]), rel=1e-5), column


def test_a_killed_run_writes_the_same_again(recipe, tmp_path):
    overrides = (
        *ROLLOUTS, "--data.document_mask=true", "--model.optimizer.average=0.5", "--model.student.adapter.rank=2",
        "--checkpoint.every_n_train_steps=1",
    )  # fmt: skip
    fit(recipe, tmp_path / "quiet", *overrides)
    die = die_in(RolloutWriter, "write", lambda writer, student, step, micro_batches: step == 3)
    killed_fit(recipe, tmp_path / "killed", *overrides, patch=die)
    fit(recipe, tmp_path / "killed", *overrides, "--ckpt_path=last")
    quiet, killed = weights(tmp_path / "quiet"), weights(tmp_path / "killed")
    assert [name for name, tensor in quiet.items() if not torch.equal(tensor, killed[name])] == []
    assert "4 blocks" not in (tmp_path / "quiet" / "student" / "README.md").read_text()
    assert "1 of 2 blocks of each batch" in (tmp_path / "quiet" / "student" / "README.md").read_text()


def test_mistakes_are_one_line_before_anything_starts(recipe, tmp_path, capsys):
    output, empty = tmp_path / "run", tmp_path / "empty.txt"
    empty.write_text("\n\n")
    for overrides, message in (
        (["--data.rollout.share=1"], "data.rollout.share is 1.0: it must be 0 or more, and less than 1"),
        (["--data.rollout.share=0.1"], "leaves 0 blocks to the student and 2 to the text"),
        (["--data.rollout.prompts=nowhere.txt"], "cannot be read"),
        ([f"--data.rollout.prompts={empty}"], "holds no prompt: write one on each line"),
        ([f"--data.teacher_cache={tmp_path / 'cache'}"], "the student writes a new one at each step"),
        (["--model.loss.kd_weight=0", "--model.loss.lm_weight=1", "--model.perturbation.operator=none"],
         "nothing judges what the student writes"),
    ):  # fmt: skip
        assert message in refused(capsys, recipe, output, *ROLLOUTS, *overrides)


def test_prompts_that_leave_no_room_are_refused(recipe, tmp_path, capsys):
    with pytest.raises(SystemExit):
        fit(recipe, tmp_path / "run", *ROLLOUTS, "--data.rollout.max_new_tokens=40")
    assert "are 48 tokens, more than a block" in capsys.readouterr().err


def test_divided_weights_are_refused():
    trainer = pl.Trainer(accelerator="cpu", logger=False)
    check_rollout_strategy(trainer)
    trainer.strategy.__class__ = FSDPStrategy
    with pytest.raises(UserError, match="the student cannot write where its weights are divided"):
        check_rollout_strategy(trainer)


def test_prompts_of_a_file(tmp_path):
    file = Path(tmp_path / "prompts.txt")
    file.write_text("the heir saw\n\nthe actor\n")
    assert rollouts.prompt_lines(file) == ["the heir saw", "the actor"]
    (file.parent / "damaged.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read"):
        rollouts.prompt_lines(file.parent / "damaged.txt")
