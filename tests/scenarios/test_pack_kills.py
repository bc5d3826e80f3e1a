"""Packing that is killed again and again, at any moment, ends with the bytes of one that was not.

Minutes long, so not part of the suite; `make kills` runs it.
"""

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest

KILLS = int(os.environ.get("DISTILL_KILLS", "20"))


def _pack(source: str, tokenizer: str, cache: Path) -> None:
    from augment import RoleReverser
    from distill.data.packing import Corpus, pack
    from distill.models.source import model_source
    from distill.models.tokenizers import load_fast_tokenizer

    os.setsid()
    pack(
        Corpus((source,), augmentation="append"),
        RoleReverser(names=True),
        load_fast_tokenizer(model_source(tokenizer)),
        2,
        cache,
    )


def _files(cache: Path) -> dict[str, bytes]:
    return {str(path.relative_to(cache)): path.read_bytes() for path in cache.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_kills_of_packing_change_no_byte(corpus: Path, tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    rows = (corpus / "validation.jsonl").read_text().splitlines()
    source.write_text("".join(json.dumps({"text": json.loads(row)["text"]}) + "\n" for row in rows * 30))
    context = multiprocessing.get_context("forkserver")

    def start(cache: Path) -> multiprocessing.Process:
        process = context.Process(target=_pack, args=(str(source), str(corpus / "tokenizer"), cache))
        process.start()
        return process

    start(tmp_path / "warm").join()
    began = time.monotonic()
    whole = start(tmp_path / "whole")
    whole.join()
    duration = time.monotonic() - began
    assert whole.exitcode == 0
    expected = _files(tmp_path / "whole")
    assert any(name.endswith("tokens.bin") for name in expected)

    chance, kills, finished = random.Random(0), 0, 0
    while True:
        cache = tmp_path / f"killed-{finished}"
        process = start(cache)
        if kills < KILLS:
            process.join(chance.uniform(0.05, duration))
            if process.exitcode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.join()
                kills += 1
                continue
        process.join()
        assert process.exitcode == 0
        assert _files(cache) == expected
        finished += 1
        if kills >= KILLS:
            break
    print(f"{kills} kills of packing, {finished} runs that ended with the same bytes")
