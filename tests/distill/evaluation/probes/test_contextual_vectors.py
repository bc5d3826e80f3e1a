import pytest
import torch

from distill.evaluation.probes.contextual_vectors import contextual_vectors, find_contexts
from distill.evaluation.scored_model import ScoredModel


def test_contexts_end_with_the_word_and_begin_with_the_sentence() -> None:
    documents = [
        "It rained. The old man met his\nson, and his son's dog.",
        "he-man or son-in-law; “Who?” he said. Man!",
        "then " * 30 + "he left",
    ]
    found = find_contexts(documents, ["man", "he", "son", "his"], 5)
    assert found["man"] == ["The old man"]
    assert found["son"] == ["son"]
    assert found["his"] == ["The old man met his"]
    assert found["he"] == ["he", "then " * 20 + "he"]


def test_no_more_than_is_wanted_and_one_of_a_document() -> None:
    read = []

    def documents():
        for number in range(100):
            read.append(number)
            yield f"Here {number} is art and art"

    assert find_contexts(documents(), ["art"], 3) == {"art": ["Here 0 is art", "Here 1 is art", "Here 2 is art"]}
    assert read == [0, 1, 2]


@torch.no_grad()
def test_vectors_are_hidden_states_of_the_last_token(scored_model: ScoredModel) -> None:
    contexts = {"she": ["The nurse said that she", "she"], "nobody": [], "he": ["As a child, the judge knew that he"]}
    vectors = contextual_vectors(scored_model, contexts)
    assert list(vectors) == list(contexts)
    assert len(vectors["nobody"]) == 0
    for word, texts in contexts.items():
        for vector, text in zip(vectors[word], texts, strict=True):
            tokens = [scored_model.start_token, *scored_model.tokenizer(text, add_special_tokens=False)["input_ids"]]
            hidden = scored_model.model.base_model(input_ids=torch.tensor([tokens])).last_hidden_state[0, -1]
            assert vector == pytest.approx(hidden.numpy(), abs=1e-5)
