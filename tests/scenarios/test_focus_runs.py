"""Runs that draw the blocks that teach most more often: what they draw, continue with, say, and refuse."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytorch_lightning as pl
import torch

from distill.cli.dispatch import main
from distill.config import LossConfig, PerturbationConfig, StudentConfig, TeacherConfig
from distill.data.blocks import Block, collate
from distill.data.datamodule import CounterfactualDataModule
from distill.data.focus import block_probabilities
from distill.errors import RecipeWarning
from distill.module import DistillationModule
from distill.preview.ranking import rank_documents, write_ranking
from tests.fits import fit, metrics, refused, weights
from tests.scenarios.test_resume import die_in, killed_fit


@pytest.fixture(scope="module")
def ranking(recipe, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ranking")
    options = [f"--output={folder / 'preview'}", "--tokens=64", f"--rank={folder / 'ranking.parquet'}"]
    main(["preview", f"--config={recipe}", *options])
    return folder / "ranking.parquet"


def test_corrected_or_not_a_killed_run_draws_the_same(recipe, ranking, tmp_path):
    focused = ("--data.focus=0.5", f"--data.focus_ranking={ranking}", "--checkpoint.every_n_train_steps=1")
    fit(recipe, tmp_path / "quiet", *focused)
    die = die_in(DistillationModule, "training_step", lambda module, batch, index: module.global_step == 3)
    killed_fit(recipe, tmp_path / "killed", *focused, patch=die)
    fit(recipe, tmp_path / "killed", *focused, "--ckpt_path=last")
    quiet, killed = weights(tmp_path / "quiet"), weights(tmp_path / "killed")
    assert [name for name, tensor in quiet.items() if not torch.equal(tensor, killed[name])] == []
    card = (tmp_path / "quiet" / "student" / "README.md").read_text()
    digest = hashlib.sha256(ranking.read_bytes()).hexdigest()[:12]
    assert (
        f"0.5 of the draws by what a block teaches (ranking.parquet, sha256 {digest}), "
        "its loss divided by how much more often it is drawn"
    ) in card

    fit(recipe, tmp_path / "other", *focused, "--data.focus_correction=false")
    card = (tmp_path / "other" / "student" / "README.md").read_text()
    assert "which is another objective than the text's: such blocks count more" in card
    corrected, other = (float(metrics(tmp_path / name)[0]["train/loss"]) for name in ("quiet", "other"))
    assert corrected < other


def test_what_does_not_fit_is_refused(recipe, ranking, corpus, tmp_path, capsys, monkeypatch):
    output = tmp_path / "run"
    line = refused(capsys, recipe, output, "--data.focus=0.5")
    assert "data.focus and data.focus_ranking need each other" in line
    focused = ("--data.focus=0.5", f"--data.focus_ranking={ranking}", f"--data.train={corpus / 'validation.jsonl'}")
    monkeypatch.setattr(CounterfactualDataModule, "train_dataloader", None)
    with pytest.raises(SystemExit):
        fit(recipe, output, *focused)
    assert "is of another text, or of another tokenizer: it ranks 400 documents" in capsys.readouterr().err


def test_another_ranking_is_another_order(recipe, ranking, tmp_path):
    """… which a run that continues with it says, as does its card."""
    output, other = tmp_path / "run", tmp_path / "other.parquet"
    table = pq.read_table(ranking)
    turned = table.set_column(2, "kl_per_token", pa.chunked_array([table["kl_per_token"].to_pylist()[::-1]]))
    pq.write_table(turned, other)
    fit(recipe, output, "--data.focus=0.5", f"--data.focus_ranking={ranking}", "--trainer.max_steps=2")
    with pytest.warns(RecipeWarning, match=r"data\.focus_ranking [0-9a-f]{12} \(before: [0-9a-f]{12}\)"):
        fit(recipe, output, "--data.focus=0.5", f"--data.focus_ranking={other}", "--ckpt_path=last")
    assert "data.focus_ranking" in (output / "student" / "README.md").read_text()


def test_the_expected_gradient_of_a_corrected_draw_is_that_of_the_text(gpt2_folder, corpus, tmp_path):
    """Over all blocks, each with its probability: the expectation itself, no sample of it."""
    module = DistillationModule(
        TeacherConfig(str(gpt2_folder)),
        student=StudentConfig(layers=[0, 2]),
        perturbation=PerturbationConfig("expmean", "reversed", "all"),
        loss=LossConfig(lm_weight=0.3, hidden_weight=0.2, odds_weight=0.1),
    )
    path = tmp_path / "ranking.parquet"
    data = CounterfactualDataModule(
        module.tokenizer, train=str(corpus / "validation.jsonl"), block_size=64, global_batch_size=2,
        micro_batch_size=2, num_proc=1, num_workers=0, cache_dir=str(tmp_path / "cache"), focus=0.8,
        focus_ranking=str(path), counterfactual_limit=module.counterfactual_limit,
    )  # fmt: skip
    unequal = rank_documents(
        data.training_blocks(), lambda batch: (batch.labels % 7).float() ** 2, module.tokenizer, 8, torch.device("cpu")
    )
    write_ranking(path, unequal)
    pl.Trainer(
        accelerator="cpu", max_steps=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    ).fit(module, data)  # fmt: skip
    blocks = data.train_blocks
    probabilities = block_probabilities(blocks.packed, len(blocks), 64, path, 0.8)
    module.double().eval()
    module.teacher.double()

    def gradient(block: Block) -> torch.Tensor:
        module.zero_grad()
        module._losses(collate([block]))[0].loss.backward()
        return torch.cat([parameter.grad.flatten() for parameter in module.student.parameters()])

    drawn = uniform = biased = 0.0
    for index in range(len(blocks)):
        corrected, plain = gradient(blocks[index]), gradient(replace(blocks[index], weight=1.0))
        drawn = drawn + probabilities[index] * corrected
        biased = biased + probabilities[index] * plain
        uniform = uniform + plain / len(blocks)
    largest = uniform.abs().max().item()
    assert (drawn - uniform).abs().max().item() < 1e-6 * largest
    assert (biased - uniform).abs().max().item() > 1e-3 * largest
