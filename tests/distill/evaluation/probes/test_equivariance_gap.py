"""The equivariance gap of a model on a text, against full distributions in float64, prefix by prefix."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from augment import RoleReverser
from distill.errors import UserError
from distill.evaluation.likelihood.text_perplexity import read_text
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.probes import equivariance_gap
from distill.evaluation.probes.equivariance_gap import document_gaps, text_gaps
from distill.evaluation.probes.pronoun_gap import measure_pronouns
from distill.evaluation.scored_model import ScoredModel, load_scored_model
from distill.models.source import model_source
from distill.perturbation import ReversedVocabulary
from tests.equivariance import gap_by_definition, groups_of, probabilities
from tests.fixtures.surgery import pronoun_pairs, save_with_blended_pronouns

TEXTS = (
    "The nurse said that the judge was late.",
    "The nurse said she lost her keys, and nobody told her mother.",
    "Mary said that he was late.",
    "His father saw him, and then he saw her.",
)


@pytest.fixture(scope="module")
def vocabulary(scored_model: ScoredModel) -> ReversedVocabulary:
    return ReversedVocabulary.from_tokenizer(scored_model.tokenizer)


def by_definition(scored_model: ScoredModel, vocabulary: ReversedVocabulary, text: str) -> dict[str, float]:
    """Sums and counts over the prefixes of a short document; which they are follows from the words, not the product."""
    model = AutoModelForCausalLM.from_pretrained(scored_model.path).double().eval()
    tokenizer, groups = scored_model.tokenizer, groups_of(vocabulary)
    start = scored_model.start_token
    reversal = RoleReverser().reverse(text)
    both = [
        tokenizer(each, add_special_tokens=False, return_offsets_mapping=True)
        for each in (text, reversal.counterfactual)
    ]
    first = min((swap.start for swap in reversal.swaps), default=len(text))
    tell = min((start for start, _ in reversal.tells), default=len(text))
    sums = {"reversed": 0.0, "reversed_n": 0, "neutral": 0.0, "neutral_n": 0}
    for length in range(len(both[0]["input_ids"]) + 1):
        prefix = [start, *both[0]["input_ids"][:length]]
        end = both[0]["offset_mapping"][length - 1][1] if length else 0
        if end <= first:
            if end <= tell:
                p = probabilities(model, prefix)
                sums["neutral"] += gap_by_definition(p, p, groups)
                sums["neutral_n"] += 1
            continue
        passed = [swap for swap in reversal.swaps if swap.start < end]
        if passed[-1].end > end or (passed[-1].ambiguous and passed[-1].end == end):
            continue
        other_end = end + passed[-1].counterfactual_end - passed[-1].end
        ends = [offset[1] for offset in both[1]["offset_mapping"]]
        if other_end in ends:
            other = [start, *both[1]["input_ids"][: ends.index(other_end) + 1]]
            gap = gap_by_definition(probabilities(model, prefix), probabilities(model, other), groups)
            sums["reversed"] += gap
            sums["reversed_n"] += 1
    return sums


@pytest.mark.parametrize("text", TEXTS)
def test_it_equals_its_definition(scored_model, vocabulary, text):
    found = document_gaps(scored_model, [text], 96, vocabulary, RoleReverser())
    expected = by_definition(scored_model, vocabulary, text)
    assert {name: values[0] for name, values in found.items()} == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert found["reversed"][0] > 1e-4 or not expected["reversed_n"]
    assert found["neutral"][0] > 1e-4


def test_documents_do_not_depend_on_their_batch(scored_model, vocabulary, monkeypatch):
    together = document_gaps(scored_model, TEXTS, 16, vocabulary, RoleReverser())
    monkeypatch.setattr(equivariance_gap, "BATCH_TOKENS", 1)
    apart = document_gaps(scored_model, TEXTS, 16, vocabulary, RoleReverser())
    for name, values in together.items():
        np.testing.assert_allclose(values, apart[name], rtol=1e-5, atol=1e-7)


def test_a_finished_piece_is_not_measured_again(scored_model, vocabulary, tmp_path, monkeypatch):
    (tmp_path / "text.txt").write_text("\n\n".join(TEXTS))
    text = read_text(str(tmp_path / "text.txt"), "text")
    cache = ResultCache(tmp_path / "cache")
    found = text_gaps(scored_model, text, 96, vocabulary, cache)
    assert (found["neutral_n"] > 0).all()
    monkeypatch.setattr(equivariance_gap, "document_gaps", None)
    again = text_gaps(scored_model, text, 96, vocabulary, cache)
    assert all(np.array_equal(values, again[name]) for name, values in found.items())


def test_a_damaged_model_is_named(model_folder, vocabulary):
    damaged = load_scored_model(model_source(str(model_folder)), device="cpu")
    with torch.no_grad():
        damaged.model.get_input_embeddings().weight[:] = torch.nan
    with pytest.raises(UserError, match="are not finite"):
        document_gaps(damaged, TEXTS, 96, vocabulary, RoleReverser())


def test_surgery_that_closes_the_pronoun_gap_does_not_close_this_one(
    model_folder: Path, scored_model, vocabulary, tmp_path
):
    occupations = ["nurse", "judge"]
    assert measure_pronouns(scored_model, 96, occupations)["mean_abs_log_odds"] > 0.05
    operated = load_scored_model(model_source(str(save_with_blended_pronouns(model_folder, tmp_path, 1))), "cpu")
    pairs = pronoun_pairs(operated.tokenizer)
    weight = operated.model.get_output_embeddings().weight
    assert pairs
    assert all(torch.equal(weight[he], weight[she]) for he, she in pairs)
    he, she = (operated.tokenizer.encode(word, add_special_tokens=False) for word in (" he", " she"))
    assert (he[0], she[0]) in pairs
    gaps = document_gaps(operated, TEXTS, 96, vocabulary, RoleReverser())
    assert gaps["reversed"].sum() / gaps["reversed_n"].sum() > 1e-3
