"""A run of a week: what it holds open and in memory doesn't grow with its steps, and neither do its logs."""

import os
from pathlib import Path

from distill.module import DistillationModule
from tests.fits import fit, metrics

PAGE = os.sysconf("SC_PAGE_SIZE")


def test_nothing_grows_with_the_steps(recipe, tmp_path, monkeypatch):
    step, seen = DistillationModule.training_step, []

    def watched(module, batch, batch_idx):
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        seen.append((module.trainer.global_step, len(os.listdir("/proc/self/fd")), resident))
        return step(module, batch, batch_idx)

    monkeypatch.setattr(DistillationModule, "training_step", watched)
    fit(recipe, tmp_path, "--trainer.max_steps=80", "--trainer.val_check_interval=20", "--trainer.limit_val_batches=1",
        "--trainer.log_every_n_steps=20")  # fmt: skip
    early = [(files, resident) for at, files, resident in seen if 30 <= at < 45]
    late = [(files, resident) for at, files, resident in seen if at >= 65]
    assert max(files for files, _ in late) <= max(files for files, _ in early)
    # A gradient of the student's embeddings that leaked at each step would be more.
    assert min(resident for _, resident in late) - min(resident for _, resident in early) < 2_000_000
    assert len([row for row in metrics(tmp_path) if row["train/loss"]]) == 4
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} >= {"last.ckpt"}
    assert len(list((tmp_path / "checkpoints").iterdir())) <= 2
