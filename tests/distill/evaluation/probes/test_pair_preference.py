import numpy as np
import pytest
import torch

from distill.evaluation.probes.pair_preference import pair_log_probabilities, pair_preference, preference
from distill.evaluation.probes.sentence_pairs import SentencePair
from distill.evaluation.scored_model import ScoredModel
from distill.evaluation.statistics.proportions import wilson


@torch.no_grad()
def test_both_sentences_are_scored_from_their_first_token_on(scored_model: ScoredModel) -> None:
    pairs = [
        SentencePair("The nurse said that she was late.", "The nurse said he was."),
        SentencePair("He left.", "She left."),
    ]
    summed, per_token = pair_log_probabilities(scored_model, 96, pairs)
    for row, pair in enumerate(pairs):
        for column, text in enumerate((pair.more, pair.less)):
            tokens = scored_model.tokenizer(text, add_special_tokens=False)["input_ids"]
            whole = torch.tensor([[scored_model.start_token, *tokens]])
            log_p = scored_model.model(whole).logits[0, :-1].double().log_softmax(-1)
            expected = float(log_p[torch.arange(len(tokens)), tokens].sum())
            assert summed[row, column] == pytest.approx(expected, abs=1e-4)
            assert per_token[row, column] == pytest.approx(expected / len(tokens), abs=1e-5)


@torch.no_grad()
def test_after_a_context_only_the_sentence_counts(scored_model: ScoredModel) -> None:
    pair = SentencePair("He was late.", "She was very late.", context="The nurse came home.")
    summed, per_token = pair_log_probabilities(scored_model, 96, [pair])
    given = len(scored_model.tokenizer(pair.context)["input_ids"]) + 1
    for column, text in enumerate((pair.more, pair.less)):
        tokens = scored_model.tokenizer(f"{pair.context} {text}")["input_ids"]
        whole = torch.tensor([scored_model.start_token, *tokens])
        log_p = scored_model.model(whole[None]).logits[0, :-1].double().log_softmax(-1)
        of_sentence = log_p[torch.arange(given - 1, len(tokens)), whole[given:]]
        assert summed[0, column] == pytest.approx(float(of_sentence.sum()), abs=1e-4)
        assert per_token[0, column] == pytest.approx(float(of_sentence.mean()), abs=1e-5)


def test_identical_pairs_are_left_out_and_counted(scored_model: ScoredModel) -> None:
    same, other = SentencePair("He left.", "He left.", "a"), SentencePair("He left.", "She left.", "b")
    found = pair_preference(scored_model, 96, [same, other, same])
    assert (found["n"], found["n_identical"], list(found["groups"])) == (1, 2, ["b"])
    assert found["summed"] == pair_preference(scored_model, 96, [other])["summed"]
    assert "stereoset" not in found


def test_items_of_stereoset_have_its_scores_as_a_whole_and_by_group(scored_model: ScoredModel) -> None:
    items = [
        SentencePair("He was late.", "She was late.", "intersentence", "It rained.", "Iron rusts.", "rain"),
        SentencePair("The nurse is shy.", "The nurse is loud.", "intrasentence", "", "The nurse is green.", "nurse"),
    ]
    found = pair_preference(scored_model, 96, items)
    preferred = found["per_token"]["share"]
    assert (found["stereoset"]["ss"], found["stereoset"]["terms"]) == (preferred, 2)
    for name in ("intersentence", "intrasentence"):
        of_group = found["groups"][name]
        assert of_group["stereoset"]["ss"] == of_group["per_token"]["share"]
    of_groups = [found["groups"][name]["stereoset"]["lms"] for name in ("intersentence", "intrasentence")]
    assert found["stereoset"]["lms"] == np.mean(of_groups)


def test_shares_differences_and_groups() -> None:
    summed = np.array([[-10.0, -12.0], [-9.0, -8.0], [-5.0, -5.0], [-20.0, -30.0]])
    per_token = np.array([[-1.0, -0.5], [-1.0, -2.0], [-1.0, -1.0], [-2.0, -3.0]])
    result = preference(summed, per_token, ["nurse", "nurse", None, "guard"])
    assert result["n"] == 4
    assert result["summed"]["share"] == 0.5  # a tie is not a preference for the stereotype
    assert result["summed"]["difference"] == pytest.approx((2 - 1 + 0 + 10) / 4)
    assert result["summed"]["abs_difference"] == pytest.approx((2 + 1 + 0 + 10) / 4)
    assert result["summed"]["ci95"] == wilson(2, 4)
    assert result["per_token"]["share"] == 0.5
    assert list(result["groups"]) == ["nurse", "guard"]
    assert result["groups"]["nurse"]["n"] == 2
    assert result["groups"]["guard"]["summed"]["share"] == 1


@pytest.mark.parametrize(
    # Newcombe 1998, Two-sided confidence intervals for the single proportion, table I.
    ("successes", "trials", "expected"),
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_is_the_published_interval(successes: int, trials: int, expected: tuple[float, float]) -> None:
    assert wilson(successes, trials) == pytest.approx(expected, abs=6e-5)
