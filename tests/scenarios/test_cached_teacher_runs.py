"""Runs that keep what the teacher says: the same students, the teacher asked once, and what is refused."""

import json
import logging
from pathlib import Path

import pytest
import torch
import yaml

import distill.teacher_passes
from distill.teacher_passes import run_teacher
from tests.fits import fit, refused, weights
from tests.scenarios.test_resume import die, killed_fit

EPOCHS = ("--trainer.max_steps=-1", "--trainer.max_epochs=2")


@pytest.fixture(scope="module")
def recipe(recipe, corpus, tmp_path_factory) -> Path:
    """Of a text that is read twice in seconds; without a validation, so that the last state is exported."""
    settings = yaml.safe_load(recipe.read_text())
    settings["data"].update(train=str(corpus / "validation.jsonl"), validation=None, global_batch_size=16)
    path = tmp_path_factory.mktemp("short") / "recipe.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """The numbers of the blocks that the teacher itself is asked about."""
    blocks: list[int] = []

    def counting(teacher, batch, counterfactual):
        blocks.extend(batch.numbers.tolist())
        return run_teacher(teacher, batch, counterfactual)

    monkeypatch.setattr(distill.teacher_passes, "run_teacher", counting)
    return blocks


def differing(one, other) -> list[str]:
    return [name for name, tensor in one.items() if not torch.equal(tensor, other[name])]


def assert_close(one, other) -> None:
    """Equal up to rounding, which depends on the blocks that a block is in a batch with."""
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def plain(recipe, tmp_path_factory) -> dict[str, torch.Tensor]:
    output = tmp_path_factory.mktemp("plain")
    fit(recipe, output, *EPOCHS)
    return weights(output)


def test_a_block_is_asked_about_once(recipe, plain, asked, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    cache = f"--data.teacher_cache={tmp_path / 'cache'}"
    fit(recipe, tmp_path / "first", *EPOCHS, cache)
    first = len(asked)
    # An epoch leaves out what fills no batch of 16; a block that is new in the second brings its neighbour along.
    in_first_epoch = len(set(asked)) // 16 * 16
    assert first - in_first_epoch <= 2 * (len(set(asked)) - in_first_epoch)
    assert "The teacher's states take up to" in caplog.text
    fit(recipe, tmp_path / "again", *EPOCHS, cache)
    assert len(asked) == first
    assert "of them are there" in caplog.text
    assert not differing(weights(tmp_path / "first"), weights(tmp_path / "again"))
    assert_close(weights(tmp_path / "first"), plain)
    (about,) = (json.loads(path.read_text()) for path in (tmp_path / "cache").glob("*/about.json"))
    assert "blocks of 32 tokens" in about["text"]


def test_a_plain_run_of_another_seed_leaves_the_factual_states_to_a_counterfactual_one(recipe, plain, tmp_path):
    cache = f"--data.teacher_cache={tmp_path / 'cache'}"
    fit(
        recipe,
        tmp_path / "none",
        "--trainer.max_steps=4",
        cache,
        "--model.perturbation.operator=none",
        "--seed_everything=8",
    )
    fit(recipe, tmp_path / "run", *EPOCHS, cache)
    assert_close(weights(tmp_path / "run"), plain)


def test_rounded_states_halve_the_size_and_tell_their_price(recipe, plain, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    sizes = []
    for dtype in ("null", "bfloat16"):
        cache = tmp_path / f"{dtype}_cache"
        fit(recipe, tmp_path / dtype, *EPOCHS, f"--data.teacher_cache={cache}", f"--data.teacher_cache_dtype={dtype}")
        sizes.append(sum(path.stat().st_size for path in cache.glob("*/states.bin")))
    assert sizes[0] == 2 * sizes[1]
    told = caplog.text.partition("In bfloat16, they move the target by ")[2].split()[0]
    assert 0 < float(told) < 1e-3
    assert differing(weights(tmp_path / "bfloat16"), plain)


def test_a_killed_run_continues_with_the_same_bytes(recipe, tmp_path):
    output, cache = tmp_path / "run", f"--data.teacher_cache={tmp_path / 'cache'}"

    def die_in_a_record() -> None:
        write = distill.teacher_passes.TeacherCache.write
        written = []

        def killing(self, block, part, states):
            written.append(block)
            if len(written) == 30:
                die()
            write(self, block, part, states)

        distill.teacher_passes.TeacherCache.write = killing

    killed_fit(recipe, output, *EPOCHS, cache, "--checkpoint.every_n_train_steps=1", patch=die_in_a_record)
    fit(recipe, output, *EPOCHS, cache, "--ckpt_path=last")
    fit(recipe, tmp_path / "quiet", *EPOCHS, f"--data.teacher_cache={tmp_path / 'quiet_cache'}")
    assert not differing(weights(output), weights(tmp_path / "quiet"))


def test_what_cannot_be_kept_is_refused(recipe, tmp_path, capsys):
    output = tmp_path / "run"
    line = refused(capsys, recipe, output, "--data.teacher_cache_dtype=bfloat16")
    assert line.endswith("data.teacher_cache_dtype needs data.teacher_cache: name a folder, or leave it out")
    (tmp_path / "file").write_text("")
    line = refused(capsys, recipe, output, f"--data.teacher_cache={tmp_path / 'file'}")
    assert "is a file, not a folder" in line
    line = refused(
        capsys, recipe, output, f"--data.teacher_cache={tmp_path / 'cache'}", "--model.loss.kd_weight=0",
        "--model.loss.lm_weight=1", "--model.perturbation.operator=none",
    )  # fmt: skip
    assert "this recipe asks no teacher" in line
