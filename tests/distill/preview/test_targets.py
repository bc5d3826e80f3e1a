"""The scored targets are those that training teaches: read back out of the loss's own gradient."""

import itertools

import pytest
import torch

from augment import RoleReverser
from distill.config import PerturbationConfig
from distill.data.blocks import Blocks, collate
from distill.data.packing import Corpus, pack
from distill.losses.objective import distillation_loss
from distill.models.loading import load_teacher
from distill.models.output_head import backbone, output_head
from distill.models.source import model_source
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary
from distill.preview.targets import FACTUAL, canonical_setting, distinct_targets, target_divergence, target_nlls

BLOCK = 32
ALL_SETTINGS = [
    PerturbationConfig(*setting)
    for setting in itertools.product(
        ("none", "mean", "expmean", "max", "swap"), ("identity", "reversed"), ("reversed", "all")
    )
]
LIMITED_SETTINGS = [
    PerturbationConfig("expmean", "reversed", "all", 0.5),
    PerturbationConfig("max", "identity", "reversed", 0.3),
    PerturbationConfig("expmean", "reversed", "all", 1.0, "gendered"),
    PerturbationConfig("mean", "reversed", "reversed", 0.75, "gendered"),
    PerturbationConfig("swap", "reversed", "all", 0.0),
]


@pytest.fixture(scope="module")
def teacher(gpt2_folder):
    return load_teacher(model_source(str(gpt2_folder)))


@pytest.fixture(scope="module")
def vocabulary(tokenizer):
    return ReversedVocabulary.from_tokenizer(tokenizer)


@pytest.fixture(scope="module")
def batch(corpus, tokenizer, tmp_path_factory):
    """Blocks with prefixes of all three kinds, every fifth label left out."""
    cache = tmp_path_factory.mktemp("cache")
    packed = pack(Corpus((str(corpus / "train.jsonl"),)), RoleReverser(), tokenizer, 1, cache)
    blocks = Blocks(packed, BLOCK, None)
    batch = collate([blocks[index] for index in range(12)])
    batch.labels.flatten()[::5] = -100
    return batch


@torch.no_grad()
def taught(teacher, vocabulary, batch, setting: PerturbationConfig) -> torch.Tensor:
    """`[tokens, V]` p″, recovered from the gradient of the student's logits, which is q − p″ for forward KL."""
    weight = output_head(teacher).weight
    logits = torch.randn(batch.labels.numel(), len(weight)).requires_grad_()
    hidden = backbone(teacher)(input_ids=batch.inputs).last_hidden_state.flatten(0, 1)
    counterfactual = backbone(teacher)(input_ids=batch.counterfactual).last_hidden_state.flatten(0, 1)[batch.gather]
    with torch.enable_grad():
        distillation_loss(
            logits,
            torch.eye(len(weight)),
            hidden,
            weight,
            batch.labels.flatten(),
            prefix=batch.prefix.flatten(),
            counterfactual_hidden=counterfactual,
            operator=setting.operator,
            vocabulary=vocabulary if setting.vocabulary == "reversed" else None,
            contexts=setting.contexts,
            strength=setting.strength,
            tokens=setting.tokens,
            valid_tokens=1,
        ).total.backward()
    return logits.softmax(-1) - logits.grad


def test_the_text_has_every_kind_of_prefix(batch):
    assert set(batch.prefix.unique().tolist()) == set(PrefixKind)


@pytest.mark.parametrize(
    "setting", [*ALL_SETTINGS, *LIMITED_SETTINGS], ids=lambda setting: "-".join(map(str, vars(setting).values()))
)
def test_every_target_is_the_one_that_training_teaches(teacher, vocabulary, batch, setting):
    targets = distinct_targets(setting)
    scored_targets = target_nlls(teacher, output_head(teacher).weight, vocabulary, targets, batch)
    nlls = scored_targets[targets.index(canonical_setting(setting))].flatten()
    labels = batch.labels.flatten()
    scored = labels != -100
    p = taught(teacher, vocabulary, batch, setting)
    expected = p[scored].gather(-1, labels[scored].unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(nlls[scored].neg().exp(), expected, rtol=1e-3, atol=1e-6)
    assert (nlls[~scored] == 0).all()


def test_all_targets_of_the_table_differ(teacher, vocabulary, batch):
    for configured in (FACTUAL, *LIMITED_SETTINGS):
        targets = distinct_targets(configured)
        nlls = target_nlls(teacher, output_head(teacher).weight, vocabulary, targets, batch).flatten(1)
        for one, other in itertools.combinations(range(len(targets)), 2):
            assert not torch.allclose(nlls[one], nlls[other]), (targets[one], targets[other])
        assert targets[0] == FACTUAL
    assert {canonical_setting(setting) for setting in ALL_SETTINGS} == set(distinct_targets(FACTUAL))


def test_the_configured_target_is_also_scored_at_other_strengths():
    gendered = PerturbationConfig("expmean", "reversed", "all", 0.6, "gendered")
    own = [target.strength for target in distinct_targets(gendered) if target.tokens == "gendered"]
    assert sorted(own) == [0.25, 0.5, 0.6, 0.75]


def test_chunks_change_nothing(teacher, vocabulary, batch, monkeypatch):
    weight, targets = output_head(teacher).weight, distinct_targets(LIMITED_SETTINGS[2])
    whole = target_nlls(teacher, weight, vocabulary, targets, batch)
    monkeypatch.setattr("distill.preview.targets._LOGITS", 7 * len(weight))
    torch.testing.assert_close(target_nlls(teacher, weight, vocabulary, targets, batch), whole)


@pytest.mark.parametrize("setting", [PerturbationConfig("expmean", "reversed", "all"), LIMITED_SETTINGS[1]])
def test_the_divergence_is_between_what_is_taught_with_and_without_the_operator(teacher, vocabulary, batch, setting):
    weight = output_head(teacher).weight.detach()
    batch = batch._replace(labels=batch.labels.clamp(min=0))
    target, factual = (taught(teacher, vocabulary, batch, each).clamp(min=1e-12) for each in (setting, FACTUAL))
    expected = (target * (target / factual).log()).sum(-1)
    found = target_divergence(teacher, weight, vocabulary, setting, batch)
    assert expected.max() > 1e-3
    torch.testing.assert_close(found.flatten(), expected.to(found.dtype), atol=2e-5, rtol=1e-3)
