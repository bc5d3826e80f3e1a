"""The data module without the command line: a trainer that fits more than once, and mistakes."""

from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from distill.callbacks.checkpointing import LastCheckpoint
from distill.config import PerturbationConfig, StudentConfig, TeacherConfig
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import UserError
from distill.module import DistillationModule
from distill.training.checkpoint_io import last_checkpoint_path

BLOCK = 32


class Seen(Callback):
    """The inputs of every micro-batch, and the steps that were validated."""

    def __init__(self) -> None:
        self.inputs: list[torch.Tensor] = []
        self.validated: list[int] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.inputs.append(batch.inputs)

    def on_validation_end(self, trainer, pl_module) -> None:
        self.validated.append(trainer.global_step)


def student(teacher: Path) -> DistillationModule:
    return DistillationModule(
        teacher=TeacherConfig(str(teacher)),
        student=StudentConfig(layers=[0, 2]),
        perturbation=PerturbationConfig("expmean", "reversed", "all"),
    )


def trainer(output: Path, seen: Seen, steps: int = 2, **settings) -> pl.Trainer:
    return pl.Trainer(
        accelerator="cpu", max_steps=steps, check_val_every_n_epoch=None, limit_val_batches=1, num_sanity_val_steps=0,
        logger=False, callbacks=[seen, LastCheckpoint()], enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=output, **{"val_check_interval": 2} | settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def data(corpus, tokenizer, cache) -> CounterfactualDataModule:
    return CounterfactualDataModule(
        tokenizer, str(corpus / "validation.jsonl"), str(corpus / "validation.jsonl"), block_size=BLOCK,
        global_batch_size=8, micro_batch_size=2, num_proc=1, num_workers=0, cache_dir=str(cache),
    )  # fmt: skip


def test_a_trainer_fits_again(gpt2_folder, data, tmp_path):
    seen, module = Seen(), student(gpt2_folder)
    twice = trainer(tmp_path, seen)
    for steps in (2, 4):
        twice.fit_loop.epoch_loop.max_steps = steps
        twice.fit(module, data)
        assert (twice.accumulate_grad_batches, twice.val_check_interval) == (1, 2)
        assert (twice.limit_val_batches, twice.limit_test_batches) == (1, 1.0)
    assert module.global_step == 4
    assert seen.validated == [2, 4]


def test_a_trainer_fits_after_a_failure(gpt2_folder, data, tmp_path, monkeypatch):
    seen = Seen()
    again = trainer(tmp_path, seen)

    def failing(*_):
        raise RuntimeError("the first time")

    with monkeypatch.context() as patch:
        patch.setattr(seen, "on_train_start", failing)
        with pytest.raises(RuntimeError, match="the first time"):
            again.fit(student(gpt2_folder), data)
    again.fit(student(gpt2_folder), data)
    assert seen.validated == [2]


def test_a_new_run_after_one_that_continued_starts_at_the_beginning(gpt2_folder, data, tmp_path):
    first, continued, fresh = Seen(), Seen(), Seen()
    trainer(tmp_path, first).fit(student(gpt2_folder), data)
    last = str(last_checkpoint_path(tmp_path))
    trainer(tmp_path, continued, steps=3).fit(student(gpt2_folder), data, ckpt_path=last)
    trainer(tmp_path, fresh).fit(student(gpt2_folder), data)
    assert not torch.equal(continued.inputs[0], first.inputs[0])
    assert all(torch.equal(*inputs) for inputs in zip(first.inputs, fresh.inputs, strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accumulate_grad_batches": 4}, "trainer.accumulate_grad_batches cannot be set"),
        ({"limit_train_batches": 1}, "trainer.limit_train_batches cannot be set"),
        ({"overfit_batches": 1}, "trainer.overfit_batches cannot be set"),
        ({"precision": "bf16-true"}, "trainer.precision cannot be bf16-true: .* use bf16-mixed"),
        ({"precision": "16-true"}, "trainer.precision cannot be 16-true: .* use 16-mixed"),
    ],
)
def test_a_trainer_that_contradicts_the_data_is_refused_before_packing(gpt2_folder, data, tmp_path, settings, message):
    data.cache_dir = tmp_path / "cache"
    with pytest.raises(UserError, match=message):
        trainer(tmp_path, Seen(), **settings).fit(student(gpt2_folder), data)
    assert not data.cache_dir.exists()


def test_a_precision_that_spoils_positions_measures_nothing(gpt2_folder, data, tmp_path):
    data.cache_dir = tmp_path / "cache"
    with pytest.raises(UserError, match=r"trainer\.precision cannot be bf16-true"):
        trainer(tmp_path, Seen(), precision="bf16-true").validate(student(gpt2_folder), data)
    assert not data.cache_dir.exists()


def test_blocks_longer_than_the_positions_are_refused_before_packing(gpt2_folder, data, tmp_path):
    data.cache_dir, data.block_size = tmp_path / "cache", 128
    for run in ("fit", "validate"):
        with pytest.raises(UserError, match=r"data\.block_size is 128, longer than the teacher's 64 positions"):
            getattr(trainer(tmp_path, Seen()), run)(student(gpt2_folder), data)
    assert not data.cache_dir.exists()


def test_heads_too_small_for_the_tokenizer_are_refused_before_packing(gpt2_folder, data, tmp_path):
    data.cache_dir = tmp_path / "cache"
    module = student(gpt2_folder)
    module.student_config.vocab_size = 100
    with pytest.raises(UserError, match="the student has 100 tokens, and the tokenizer's ids go up to"):
        trainer(tmp_path, Seen()).fit(module, data)
    assert not data.cache_dir.exists()


@pytest.mark.parametrize(("model", "name"), [("teacher", "gpt2"), ("student", "student")])
@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [("final_logit_softcapping", 30.0, "a soft cap"), ("logits_scaling", 4.0, "a logit scale")],
)
def test_logits_that_are_no_product_are_refused_before_packing(
    gpt2_folder, data, tmp_path, model, name, setting, value, reason
):
    data.cache_dir = tmp_path / "cache"
    module = student(gpt2_folder)
    setattr(getattr(module, f"{model}_config"), setting, value)
    with pytest.raises(UserError, match=f"{name}.*' is not supported: {reason} stands between"):
        trainer(tmp_path, Seen()).fit(module, data)
    assert not data.cache_dir.exists()


def test_what_prepare_data_did_not_see_is_refused_on_every_process(gpt2_folder, data, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "prepare_data", lambda: None)  # as on all but the first process of a node
    with pytest.raises(UserError, match="accumulate_grad_batches"):
        trainer(tmp_path, Seen(), accumulate_grad_batches=4).fit(student(gpt2_folder), data)


def test_a_cache_that_another_machine_does_not_see_is_told(gpt2_folder, data, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "prepare_data", lambda: None)  # the other machine's
    data.cache_dir = tmp_path / "cache"
    with pytest.raises(UserError, match=r"all machines must see the same data\.cache_dir"):
        trainer(tmp_path, Seen()).fit(student(gpt2_folder), data)
