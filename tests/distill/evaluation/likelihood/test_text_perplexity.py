import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from distill.errors import UserError
from distill.evaluation.likelihood import text_perplexity as text_module
from distill.evaluation.likelihood.text_perplexity import ScoredCorpus, protocols, read_text, text_costs
from distill.evaluation.measures.gendered_tokens import GENDERED_TOKENS
from distill.evaluation.measures.perplexity import PERPLEXITY
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.scored_model import ScoredModel

DOCUMENTS = ["The nurse said that she was tired.", " \n ", "He came home.", "", "The judge told everyone that " * 12]
ARTICLE = " = The Nurse = \n \n The nurse said that she was tired , and that she had come home @-@ bound . \n "


def _jsonl(path: Path, documents: list[str], field: str = "text") -> str:
    path.write_text("\n".join(json.dumps({field: document}) for document in documents), encoding="utf-8")
    return str(path)


def measure_text(
    scored_model: ScoredModel, text: ScoredCorpus | None, window: int, seed: int, cache: ResultCache
) -> dict[str, Any]:
    """Compute both measures of real text."""
    costs = None if text is None else text_costs(scored_model, text, window, cache)
    context = SimpleNamespace(model=scored_model, text_costs=costs, window=window, seed=seed)
    return {measure.key: measure.compute(context) for measure in (PERPLEXITY, GENDERED_TOKENS)}


def test_pieces_and_a_stop_between_them_change_nothing(
    scored_model: ScoredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _jsonl(tmp_path / "text.jsonl", DOCUMENTS)
    whole = read_text(source, "text")
    assert (whole.documents, whole.pieces, whole.wikitext) == (3, 1, False)
    expected = measure_text(scored_model, whole, 40, 0, ResultCache(tmp_path / "whole"))

    monkeypatch.setattr(text_module, "_PIECE", 40)
    text = read_text(source, "text")
    assert (text.documents, text.pieces, text.sha256) == (3, 2, whole.sha256)
    kept = ResultCache(tmp_path / "pieces")
    first = measure_text(scored_model, text, 40, 0, kept)
    (kept.folder / "text-000002.json").unlink()
    assert measure_text(scored_model, text, 40, 0, kept) == first
    for name, entry in expected["perplexity"].items():
        assert first["perplexity"][name]["value"] == pytest.approx(entry["value"], rel=1e-6)
    assert first["gendered_tokens"]["nll"] == pytest.approx(expected["gendered_tokens"]["nll"], rel=1e-6)
    assert first["gendered_tokens"]["n"] == expected["gendered_tokens"]["n"] >= 2


def test_a_finished_piece_is_not_scored_again(
    scored_model: ScoredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = read_text(_jsonl(tmp_path / "text.jsonl", DOCUMENTS), "text")
    first = measure_text(scored_model, text, 40, 0, ResultCache(tmp_path / "kept"))
    monkeypatch.setattr(text_module, "_piece_costs", lambda *_: pytest.fail("scored again"))
    assert measure_text(scored_model, text, 40, 0, ResultCache(tmp_path / "kept")) == first


def test_ordinary_text_is_read_as_it_is(scored_model: ScoredModel, tmp_path: Path) -> None:
    text = read_text(_jsonl(tmp_path / "text.jsonl", DOCUMENTS), "text")
    perplexity = measure_text(scored_model, text, 40, 0, ResultCache(tmp_path / "kept"))["perplexity"]
    token, word = perplexity["token"], perplexity["word"]
    assert token["tokens"] == word["tokens"]
    assert word["words"] == 7 + 3 + 12 * 5 + 1
    assert word["value"] == pytest.approx(np.exp(word["nll"] * token["tokens"] / word["words"]))
    assert perplexity["token_strided"]["value"] != token["value"]
    assert (perplexity["token_strided"]["stride"], token["stride"]) == (20, 40)
    assert not any("detokenised" in protocol for protocol in protocols(text, 40).values())


def test_articles_are_detokenised_for_words_alone(scored_model: ScoredModel, tmp_path: Path) -> None:
    text = read_text(_jsonl(tmp_path / "text.jsonl", [ARTICLE] * 2, "page"), "page")
    assert text.wikitext
    perplexity = measure_text(scored_model, text, 40, 0, ResultCache(tmp_path / "kept"))["perplexity"]
    assert perplexity["word"]["tokens"] < perplexity["token"]["tokens"]
    assert perplexity["word"]["words"] == 2 * (len(ARTICLE.split()) + 2)
    assert "detokenised" in protocols(text, 40)["word"]


def test_no_text_is_no_perplexity(scored_model: ScoredModel, tmp_path: Path) -> None:
    assert measure_text(scored_model, None, 40, 0, ResultCache(tmp_path)) == {
        "perplexity": {},
        "gendered_tokens": {"nll": None, "n": 0},
    }
    with pytest.raises(UserError, match="contains no text; give one with at least one word"):
        read_text(_jsonl(tmp_path / "text.jsonl", ["", " \n"]), "text")
    with pytest.raises(UserError, match=r"--text: .*no field 'page'; there are text"):
        read_text(_jsonl(tmp_path / "other.jsonl", DOCUMENTS), "page")


def test_an_infinite_perplexity_is_refused(
    scored_model: ScoredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = read_text(_jsonl(tmp_path / "text.jsonl", ["One", "two"]), "text")
    costs = {"tokens": [1, 1], "word_tokens": [1, 1], "words": [1, 1]}
    costs |= {"gendered": [0.0, 0.0], "gendered_tokens": [0, 0]}
    costs |= {name: [800.0, 800.0] for name in ("token", "token_strided", "word")}
    monkeypatch.setattr(text_module, "_piece_costs", lambda *_: costs)
    with pytest.raises(
        UserError, match=r"perplexity \(token\) overflowed, at 800 nats per token; its weights are damaged"
    ):
        measure_text(scored_model, text, 40, 0, ResultCache(tmp_path / "kept"))
