"""Batches cached one by one, several processes, one table."""

import multiprocessing
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distill.decoding.sampling import Sampling
from distill.errors import UserError
from distill.evaluation.generation import batch_plan
from distill.evaluation.generation import store as generations
from distill.evaluation.generation.batch_plan import GenerationPlan
from distill.evaluation.generation.decoding import Continuation, prompt_lengths
from distill.evaluation.generation.device_workers import Processes, check_shared, devices
from distill.evaluation.generation.prompts import own_coherence_prompts, own_prompts
from distill.evaluation.generation.store import StoredGenerations, generate, write_generations
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.scored_model import ScoredModel
from distill.models.source import model_source

PROMPTS = [*own_prompts()[:200:9], *own_coherence_prompts()[::6]]
SAMPLING = Sampling(max_new_tokens=12, seed=5)


@pytest.fixture(scope="module")
def work(scored_model: ScoredModel) -> GenerationPlan:
    lengths = prompt_lengths(scored_model, PROMPTS, SAMPLING)
    return GenerationPlan(PROMPTS, lengths, [3] * len(PROMPTS), SAMPLING, batch_size=7)


def test_each_row_is_in_one_batch_longest_prompts_first(
    scored_model: ScoredModel, work: GenerationPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_plan, "_WINDOW", 40)
    assert sorted(row for rows in work.batches() for row in rows) == list(range(3 * len(PROMPTS)))
    for window in work.windows():
        lengths = [work.lengths[row // 3] for rows in window for row in rows]
        assert lengths == sorted(lengths, reverse=True)
        assert all(len(rows) == 7 for rows in window[:-1])
        assert len(lengths) <= 40


def test_the_file_is_the_table(
    scored_model: ScoredModel, work: GenerationPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_plan, "_WINDOW", 40)
    path = tmp_path / "generations.parquet"
    write_generations(path, scored_model, work, ResultCache(tmp_path / "kept"))
    stored = StoredGenerations(path)
    expected = generate(scored_model, PROMPTS, 3, SAMPLING, 7).astype(object)
    expected = expected.where(expected.notna(), None)
    assert list(stored.rows(*expected.columns)) == list(expected.itertuples(index=False, name=None))
    assert list(stored.rows("sample", "prompt")) == list(zip(expected["sample"], expected["prompt"], strict=True))
    assert len(stored) == len(expected)


def test_a_run_goes_on_where_it_was_and_ends_with_the_same_bytes(
    scored_model: ScoredModel, work: GenerationPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = tmp_path / "whole.parquet", tmp_path / "stopped.parquet"
    write_generations(whole, scored_model, work, ResultCache(tmp_path / "kept"))

    drawn: list[list[int]] = []
    draw = GenerationPlan.generate

    def counted(self: GenerationPlan, scored_model: ScoredModel, rows: list[int]) -> object:
        if self.sampling.max_new_tokens == 12:
            if len(drawn) == 4:
                raise KeyboardInterrupt
            drawn.append(rows)
        return draw(self, scored_model, rows)

    monkeypatch.setattr(GenerationPlan, "generate", counted)
    kept = ResultCache(tmp_path / "stopped" / "kept")
    with pytest.raises(KeyboardInterrupt):
        write_generations(stopped, scored_model, work, kept)
    assert not stopped.exists()
    monkeypatch.setattr(
        GenerationPlan,
        "generate",
        lambda self, scored_model, rows: drawn.append(rows) or draw(self, scored_model, rows),
    )
    monkeypatch.setattr(generations, "_seconds", lambda *_: 1.0)
    write_generations(stopped, scored_model, work, kept)
    assert sorted(drawn) == sorted(work.batches())
    assert stopped.read_bytes() == whole.read_bytes()

    monkeypatch.setattr(GenerationPlan, "generate", lambda *_: pytest.fail("drawn again"))
    write_generations(stopped, scored_model, work, kept)
    assert stopped.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("damage", ["cut", "rows", "header", "a byte"])
def test_a_damaged_batch_or_file_is_made_anew(
    scored_model: ScoredModel, work: GenerationPlan, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, kept = tmp_path / "generations.parquet", ResultCache(tmp_path / "kept")
    write_generations(path, scored_model, work, kept)
    whole = path.read_bytes()
    middle = len(whole) // 3
    damaged = {
        "cut": whole[: len(whole) // 2],
        "rows": whole[:4] + bytes(396) + whole[400:],
        "header": bytes(len(whole)),
        "a byte": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
    }
    path.write_bytes(damaged[damage])
    next(kept.folder.glob("batch-*.json")).write_text("[", encoding="utf-8")
    write_generations(path, scored_model, work, kept)
    assert path.read_bytes() == whole
    assert "generations.parquet is corrupt" in caplog.text


def test_several_processes_write_the_same_file(
    scored_model: ScoredModel, model_folder: Path, work: GenerationPlan, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    write_generations(one, scored_model, work, ResultCache(tmp_path / "1" / "kept"))
    processes = Processes(model_source(str(model_folder)), "float32", ["cpu", "cpu"])
    write_generations(two, scored_model, work, ResultCache(tmp_path / "2" / "kept"), processes)
    assert one.read_bytes() == two.read_bytes()


def test_processes_take_gpus_from_the_first_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices(torch.device("cuda", 0), 2) == ["cuda:0", "cuda:1"]
    assert devices(torch.device("cpu"), 2) == ["cpu", "cpu"]
    with pytest.raises(UserError, match=r"--trainer.devices 3: only 2 GPUs are available"):
        devices(torch.device("cuda", 0), 3)
    for device, count in (("cuda:2", 1), ("cuda", 2), ("auto", 2), ("cpu", 2)):
        check_shared(device, count)
    with pytest.raises(UserError, match=r"--device cuda:2: is a single device.*or --trainer.devices 1"):
        check_shared("cuda:2", 2)


class Mistaken(GenerationPlan):
    """A plan whose generation fails, as with non-finite probabilities."""

    def generate(self, scored_model: ScoredModel, rows: Sequence[int]) -> list[Continuation]:
        raise UserError(f"{scored_model.name}: row {rows[0]} is none")


def test_a_mistake_in_another_process_is_the_same_line(model_folder: Path, work: GenerationPlan) -> None:
    processes = Processes(model_source(str(model_folder)), "float32", ["cpu", "cpu"])
    mistaken = Mistaken(work.prompts, work.lengths, work.samples, work.sampling, work.batch_size)
    with pytest.raises(UserError, match="tiny: row 7 is none"):
        list(processes.generate(mistaken, [[7]]))


def test_a_model_that_another_process_can_not_load_says_why(tmp_path: Path, work: GenerationPlan) -> None:
    processes = Processes(model_source(str(tmp_path)), "float32", ["cpu", "cpu"])
    with pytest.raises(UserError, match=f"{tmp_path.name}.*config"):
        list(processes.generate(work, [[0]]))


def test_a_killed_process_is_a_failure_and_not_a_wait_for_ever(work: GenerationPlan, model_folder: Path) -> None:
    processes = Processes(model_source(str(model_folder)), "float32", ["cpu", "cpu"])
    slow = replace(work, samples=[400] * len(PROMPTS), batch_size=8000)

    def kill() -> None:
        while not (children := multiprocessing.active_children()):
            time.sleep(0.05)
        children[0].kill()

    threading.Thread(target=kill).start()
    with pytest.raises(OSError, match="a generation process was killed"):
        list(processes.generate(slow, list(slow.batches())[:1]))
