"""The fused loss compared with a naive one that materialises every tensor and leaves the gradients to autograd."""

import itertools
import math
import shutil

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from distill.config import LossConfig, PerturbationConfig
from distill.losses import DistillationObjective, distillation_loss
from distill.losses.chunk_sizes import chunk_rows
from distill.losses.head_products import Head
from distill.perturbation.operators import perturb
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

TOKENS, VOCABULARY, STUDENT_WIDTH, TEACHER_WIDTH = 23, 17, 6, 9
OPERATORS = ("none", "mean", "expmean", "max", "swap")
DIVERGENCES = ("forward_kl", "reverse_kl", "jsd")
PI = ReversedVocabulary.from_pairs([((2,), (5, 6)), ((7, 9), (8, 10)), ((11,), (12,))])


def naive_loss(
    student_hidden, student_weight, teacher_hidden, teacher_weight, labels, prefix, counterfactual_hidden,
    valid_tokens=None, operator="none", vocabulary=None, contexts="reversed", temperature=1.0, kd_weight=1.0,
    lm_weight=0.0, divergence="forward_kl", jsd_beta=0.5, strength=1.0, tokens="all", odds_weight=0.0,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    log_p = (teacher_hidden @ teacher_weight.T).log_softmax(-1)
    target, limits = log_p.clone(), {"strength": strength, "tokens": tokens}
    counterfactual = iter((counterfactual_hidden @ teacher_weight.T).log_softmax(-1))
    for row, kind in enumerate(prefix.tolist()):
        if kind == PrefixKind.REVERSED:
            target[row] = perturb(log_p[row], next(counterfactual), operator, vocabulary, **limits)
        elif kind == PrefixKind.NEUTRAL and contexts == "all":
            target[row] = perturb(log_p[row], log_p[row], operator, vocabulary, **limits)
    valid = labels != -100
    log_p = (target / temperature).log_softmax(-1)[valid]
    logits = (student_hidden @ student_weight.T)[valid]
    log_q = (logits / temperature).log_softmax(-1)
    if divergence == "forward_kl":
        per_token = (log_p.exp() * (log_p - log_q)).sum(-1)
    elif divergence == "reverse_kl":
        per_token = (log_q.exp() * (log_q - log_p)).sum(-1)
    else:
        mixture = (jsd_beta * log_p.exp() + (1 - jsd_beta) * log_q.exp()).log()
        per_token = jsd_beta * (log_p.exp() * (log_p - mixture)).sum(-1)
        per_token = per_token + (1 - jsd_beta) * (log_q.exp() * (log_q - mixture)).sum(-1)
    n = valid.sum() if valid_tokens is None else valid_tokens
    kd = per_token.sum() / n
    lm = functional.cross_entropy(logits, labels[valid], reduction="sum") / n
    odds = torch.zeros(())
    if odds_weight:
        own = target[valid][:, vocabulary.tokens]
        ratio = own.log_softmax(-1) - logits[:, vocabulary.tokens].log_softmax(-1)
        odds = (own.exp().sum(-1).sqrt() * (own.softmax(-1) * ratio).sum(-1)).sum() / n
    return kd_weight * temperature**2 * kd + lm_weight * lm + odds_weight * odds, kd, lm, odds


def inputs(dtype: torch.dtype = torch.float64, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    labels = torch.randint(VOCABULARY, (TOKENS,), generator=generator)
    labels[torch.rand(TOKENS, generator=generator) < 0.3] = -100
    prefix = torch.randint(3, (TOKENS,), generator=generator).to(torch.int8)
    return {
        "student_hidden": normal(TOKENS, STUDENT_WIDTH),
        "student_weight": normal(VOCABULARY, STUDENT_WIDTH),
        "teacher_hidden": normal(TOKENS, TEACHER_WIDTH),
        "teacher_weight": normal(VOCABULARY, TEACHER_WIDTH),
        "labels": labels,
        "prefix": prefix,
        "counterfactual_hidden": normal(int((prefix == PrefixKind.REVERSED).sum()), TEACHER_WIDTH),
    }


def with_gradients(loss, tensors: dict[str, Tensor], **settings) -> tuple[Tensor, ...]:
    student = {name: tensors[name].clone().requires_grad_() for name in ("student_hidden", "student_weight")}
    total, *terms = loss(**{**tensors, **student}, **settings)
    total.backward()
    kd, lm, odds = (term.detach().to(total.dtype) for term in terms)
    return total.detach(), kd, lm, student["student_hidden"].grad, student["student_weight"].grad, odds


def relative_error(value: Tensor, expected: Tensor) -> float:
    return ((value.double() - expected).norm() / expected.norm().clamp(min=1e-12)).item()


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_values_and_gradients_equal_the_naive_loss(operator, divergence):
    for vocabulary, contexts, temperature, (kd_weight, lm_weight), chunk_size in itertools.product(
        (None, PI), ("reversed", "all"), (1.0, 2.0), ((1.0, 0.0), (0.0, 1.0), (0.7, 0.4)), (1, 5, 1000)
    ):
        settings = {
            "operator": operator, "divergence": divergence, "vocabulary": vocabulary, "contexts": contexts,
            "temperature": temperature, "kd_weight": kd_weight, "lm_weight": lm_weight, "jsd_beta": 0.3,
        }  # fmt: skip
        tensors = inputs()
        expected = with_gradients(naive_loss, tensors, **settings)
        actual = with_gradients(distillation_loss, tensors, chunk_size=chunk_size, **settings)
        for value, reference in zip(actual, expected, strict=True):
            torch.testing.assert_close(value, reference, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("tokens", ["all", "gendered"])
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("operator", OPERATORS)
def test_limits_and_odds_equal_the_naive_loss(operator, strength, tokens):
    for divergence, contexts, temperature, odds_weight, (kd_weight, lm_weight) in itertools.product(
        DIVERGENCES, ("reversed", "all"), (1.0, 2.0), (0.0, 0.3), ((1.0, 0.0), (0.0, 0.4))
    ):
        settings = {
            "operator": operator, "divergence": divergence, "vocabulary": PI, "contexts": contexts,
            "temperature": temperature, "kd_weight": kd_weight, "lm_weight": lm_weight, "jsd_beta": 0.3,
            "strength": strength, "tokens": tokens, "odds_weight": odds_weight,
        }  # fmt: skip
        expected = with_gradients(naive_loss, inputs(), **settings)
        actual = with_gradients(distillation_loss, inputs(), chunk_size=5, **settings)
        for value, reference in zip(actual, expected, strict=True):
            torch.testing.assert_close(value, reference, rtol=1e-9, atol=1e-12)
        assert (actual[-1] > 0) == (odds_weight > 0)


def test_the_weight_of_the_odds_may_change_from_step_to_step():
    objective = DistillationObjective(LossConfig(odds_weight=1.0), PerturbationConfig("mean", "reversed", "all"), PI)
    for weight in (1.0, 0.25, 0.0):
        actual = with_gradients(objective, inputs(), odds_weight=weight)
        expected = with_gradients(
            naive_loss, inputs(), operator="mean", vocabulary=PI, contexts="all", odds_weight=weight
        )
        for value, reference in zip(actual[:-1], expected[:-1], strict=True):
            torch.testing.assert_close(value, reference, rtol=1e-9, atol=1e-12)
        assert actual[-1] > 0


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_hard_labels_count_in_the_cross_entropy_alone(divergence):
    """… divided by their own number, whatever the other terms are divided by."""
    tensors = inputs()
    hard = tensors["labels"].clone()
    hard[::2] = -100
    soft = {"operator": "expmean", "vocabulary": PI, "contexts": "all", "divergence": divergence, "odds_weight": 0.3}
    kd = with_gradients(naive_loss, tensors, **soft, lm_weight=0.0)
    lm = with_gradients(
        naive_loss, {**tensors, "labels": hard}, **soft | {"odds_weight": 0.0}, lm_weight=0.4, kd_weight=0.0
    )
    actual = with_gradients(distillation_loss, tensors, **soft, lm_weight=0.4, hard_labels=hard, chunk_size=5)
    expected = (kd[0] + lm[0], kd[1], lm[2], kd[3] + lm[3], kd[4] + lm[4], kd[5])
    for value, reference in zip(actual, expected, strict=True):
        torch.testing.assert_close(value, reference, rtol=1e-9, atol=1e-12)
    none = with_gradients(distillation_loss, tensors, **soft, lm_weight=0.4, hard_labels=torch.full_like(hard, -100))
    for value, reference in zip((none[0], *none[3:]), (kd[0], *kd[3:]), strict=True):
        torch.testing.assert_close(value, reference, rtol=1e-9, atol=1e-12)
    with pytest.raises(ValueError, match="hard_labels has labels where labels has −100"):
        distillation_loss(**{**tensors, "labels": hard}, hard_labels=tensors["labels"])


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_the_weight_of_a_token_multiplies_what_it_adds(divergence):
    tensors = inputs()
    weights = torch.linspace(0, 3, TOKENS, dtype=torch.float64)
    objective = DistillationObjective(
        LossConfig(temperature=2.0, lm_weight=0.4, odds_weight=0.3, divergence=divergence, jsd_beta=0.3, chunk_size=5),
        PerturbationConfig("expmean", "reversed", "all"),
        PI,
    )
    valid = (tensors["labels"] != -100).nonzero().squeeze(-1).tolist()
    parts = []
    for token in valid:
        labels = torch.full_like(tensors["labels"], -100)
        labels[token] = tensors["labels"][token]
        values = with_gradients(objective, {**tensors, "labels": labels}, valid_tokens=len(valid))
        parts.append([weights[token] * value for value in values])
    actual = with_gradients(objective, tensors, weights=weights)
    for value, expected in zip(actual, (torch.stack(part).sum(0) for part in zip(*parts, strict=True)), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-12)


def test_a_frozen_head_costs_no_product_and_changes_no_other_gradient(monkeypatch):
    tensors, settings = inputs(), {"operator": "expmean", "vocabulary": PI, "contexts": "all", "lm_weight": 0.4}
    *expected, gradient, _, odds = with_gradients(naive_loss, tensors, **settings)
    monkeypatch.setattr(Head, "add_weight_gradient_", None)
    hidden = tensors["student_hidden"].clone().requires_grad_()
    actual = distillation_loss(**{**tensors, "student_hidden": hidden}, chunk_size=5, **settings)
    actual.total.backward()
    for value, reference in zip((*actual, hidden.grad), (*expected, odds, gradient), strict=True):
        torch.testing.assert_close(value.detach(), reference, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_an_objective_serves_step_after_step(divergence):
    objective = DistillationObjective(
        LossConfig(temperature=2.0, lm_weight=0.4, divergence=divergence, jsd_beta=0.3),
        PerturbationConfig("expmean", "reversed", "all"),
        PI,
    )
    for seed in range(3):
        actual = with_gradients(objective, inputs(seed=seed))
        expected = with_gradients(
            distillation_loss, inputs(seed=seed), operator="expmean", vocabulary=PI, contexts="all", temperature=2.0,
            lm_weight=0.4, divergence=divergence, jsd_beta=0.3,
        )  # fmt: skip
        assert all(torch.equal(value, reference) for value, reference in zip(actual, expected, strict=True))


@pytest.mark.parametrize(("reading", "vocabulary"), [("reversed", None), ("identity", PI)])
def test_an_objective_has_the_vocabulary_that_its_settings_name(reading, vocabulary):
    with pytest.raises(ValueError, match=f"perturbation.vocabulary is '{reading}'"):
        DistillationObjective(LossConfig(), PerturbationConfig("mean", reading), vocabulary)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("contexts", ["reversed", "all"])
@pytest.mark.parametrize("vocabulary", [None, PI], ids=["identity", "reversed"])
@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_low_precision_gradients_stay_near_float64(operator, divergence, vocabulary, contexts, dtype, tolerance):
    settings = {"operator": operator, "divergence": divergence, "vocabulary": vocabulary, "contexts": contexts}
    tensors = inputs(dtype)
    exact = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    for temperature, lm_weight in ((1.0, 0.0), (2.0, 0.5)):
        weights = {"temperature": temperature, "lm_weight": lm_weight}
        expected = with_gradients(naive_loss, exact, **settings, **weights)
        actual = with_gradients(distillation_loss, tensors, chunk_size=8, **settings, **weights)
        for value, reference in zip(actual, expected, strict=True):
            assert relative_error(value, reference) < tolerance


def test_autocast_changes_only_the_precision():
    settings = {"operator": "expmean", "vocabulary": PI, "contexts": "all", "lm_weight": 0.5}
    tensors = inputs(torch.float32)
    expected = with_gradients(distillation_loss, tensors, **settings)
    with torch.autocast("cpu", torch.bfloat16):
        actual = with_gradients(distillation_loss, tensors, **settings)
    for value, reference in zip(actual, expected, strict=True):
        assert value.dtype == torch.float32
        assert relative_error(value, reference.double()) < 1e-2


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_a_student_that_equals_its_teacher_has_no_loss_and_no_gradient(divergence):
    tensors = inputs()
    tensors |= {"student_hidden": tensors["teacher_hidden"], "student_weight": tensors["teacher_weight"]}
    total, kd, _, grad_hidden, grad_weight, _ = with_gradients(
        distillation_loss, tensors, divergence=divergence, temperature=2.0
    )
    for value in (total, kd, grad_hidden.abs().max(), grad_weight.abs().max()):
        assert value.abs() < 1e-12


def test_ignored_rows_count_nowhere():
    tensors = inputs()
    settings = {"operator": "expmean", "vocabulary": PI, "contexts": "all", "lm_weight": 1.0}
    before = with_gradients(distillation_loss, tensors, **settings)
    ignored = tensors["labels"] == -100
    tensors["teacher_hidden"][ignored] = 1e3
    tensors["student_hidden"][ignored] = -1e3
    after = with_gradients(distillation_loss, tensors, **settings)
    assert (after[3][ignored] == 0).all()
    for value, reference in zip(after, before, strict=True):
        assert torch.equal(value, reference)


def test_all_labels_ignored_gives_zero_and_a_graph():
    tensors = inputs() | {"labels": torch.full((TOKENS,), -100)}
    for value in with_gradients(distillation_loss, tensors, lm_weight=1.0):
        assert (value == 0).all()


def test_the_normaliser_is_that_of_the_whole_step():
    tensors = inputs()
    settings = {"operator": "max", "vocabulary": PI, "lm_weight": 0.5}
    whole = with_gradients(distillation_loss, tensors, **settings)
    valid = int((tensors["labels"] != -100).sum())
    parts, used = [], 0
    for rows in (slice(0, 9), slice(9, TOKENS)):
        part = {name: tensors[name][rows] for name in ("student_hidden", "teacher_hidden", "labels", "prefix")}
        rows_reversed = int((part["prefix"] == PrefixKind.REVERSED).sum())
        part["counterfactual_hidden"] = tensors["counterfactual_hidden"][used : used + rows_reversed]
        used += rows_reversed
        parts.append(with_gradients(distillation_loss, {**tensors, **part}, valid_tokens=valid, **settings))
    torch.testing.assert_close(parts[0][0] + parts[1][0], whole[0])
    torch.testing.assert_close(torch.cat([parts[0][3], parts[1][3]]), whole[3])
    torch.testing.assert_close(parts[0][4] + parts[1][4], whole[4])


def test_tied_weights_receive_both_gradients():
    tensors = inputs()
    ids = torch.arange(TOKENS) % VOCABULARY
    gradients = []
    for loss in (naive_loss, distillation_loss):
        embedding = tensors["student_weight"].clone().requires_grad_()
        own = {"student_hidden": torch.tanh(embedding[ids]), "student_weight": embedding}
        loss(**{**tensors, **own}, lm_weight=0.3)[0].backward()
        gradients.append(embedding.grad)
    torch.testing.assert_close(gradients[1], gradients[0])


def test_the_gradient_scales_with_the_incoming_one():
    tensors = inputs()
    hidden = tensors["student_hidden"].clone().requires_grad_()
    (3 * distillation_loss(**{**tensors, "student_hidden": hidden}).total).backward()
    once = with_gradients(distillation_loss, tensors)[3]
    torch.testing.assert_close(hidden.grad, 3 * once)


def test_a_second_backward_pass_is_refused():
    tensors = inputs()
    hidden = tensors["student_hidden"].clone().requires_grad_()
    total = distillation_loss(**{**tensors, "student_hidden": hidden}).total
    total.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_tiles_smaller_than_a_chunk_change_nothing(monkeypatch):
    settings = {"operator": "expmean", "vocabulary": PI, "contexts": "all", "lm_weight": 0.5}
    whole = with_gradients(distillation_loss, inputs(), **settings)
    monkeypatch.setattr("distill.losses.fused.tile_rows", lambda *_: 3)
    for value, reference in zip(with_gradients(distillation_loss, inputs(), **settings), whole, strict=True):
        torch.testing.assert_close(value, reference)


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_an_aligned_width_changes_nothing(operator, divergence, monkeypatch):
    settings = {
        "operator": operator, "divergence": divergence, "vocabulary": PI, "contexts": "all", "lm_weight": 0.5,
        "temperature": 2.0, "chunk_size": 5,
    }  # fmt: skip
    exact = with_gradients(distillation_loss, inputs(), **settings)
    monkeypatch.setattr("distill.losses.head_products.aligned_width", lambda vocabulary: vocabulary + 7)
    for value, reference in zip(with_gradients(distillation_loss, inputs(), **settings), exact, strict=True):
        torch.testing.assert_close(value, reference)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("kind", [PrefixKind.REVERSED, PrefixKind.NEUTRAL])
def test_compiling_changes_nothing(kind):
    settings = {"operator": "expmean", "vocabulary": PI, "contexts": "all", "lm_weight": 0.5}
    # One kind of prefix and one chunk: every other shape would be compiled anew, which takes its time.
    tensors = inputs(torch.float32)
    tensors["prefix"] = torch.full_like(tensors["prefix"], kind)
    tensors["counterfactual_hidden"] = tensors["teacher_hidden"].flip(0) if kind == PrefixKind.REVERSED else None
    eager = with_gradients(distillation_loss, tensors, **settings)
    compiled = with_gradients(distillation_loss, tensors, compiled=True, **settings)
    for value, reference in zip(compiled, eager, strict=True):
        torch.testing.assert_close(value, reference, rtol=1e-5, atol=1e-6)


def test_the_chunk_size_follows_from_memory_and_vocabulary():
    cpu = torch.device("cpu")
    assert chunk_rows(50_257, cpu) >= chunk_rows(1_000_000, cpu) >= 1
    assert chunk_rows(10**15, cpu) == 1
    tensors = inputs()
    chosen, given = (with_gradients(distillation_loss, tensors, chunk_size=size) for size in (None, 2048))
    for value, reference in zip(chosen, given, strict=True):
        assert torch.equal(value, reference)


def test_a_frozen_head_gets_no_gradient():
    tensors = inputs()
    hidden = tensors["student_hidden"].clone().requires_grad_()
    distillation_loss(**{**tensors, "student_hidden": hidden}).total.backward()
    torch.testing.assert_close(hidden.grad, with_gradients(naive_loss, tensors)[3])
    assert tensors["student_weight"].grad is None


def test_no_teacher_is_plain_language_modelling():
    tensors = inputs()
    expected = with_gradients(naive_loss, tensors, kd_weight=0.0, lm_weight=1.0)
    alone = tensors | dict.fromkeys(("teacher_hidden", "teacher_weight", "counterfactual_hidden", "prefix"))
    actual = with_gradients(distillation_loss, alone, kd_weight=0.0, lm_weight=1.0)
    torch.testing.assert_close(actual[0], expected[0])
    torch.testing.assert_close(actual[3], expected[3])
    assert actual[1] == 0


@pytest.mark.parametrize("divergence", DIVERGENCES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_impossible_tokens_are_no_nan(operator, divergence):
    tensors = inputs(torch.float32)
    tensors["teacher_weight"] = torch.cat([tensors["teacher_weight"][:-1], torch.full((1, TEACHER_WIDTH), -1e30)])
    tensors["teacher_weight"][2] = -1e30
    tensors["teacher_hidden"] = tensors["teacher_hidden"].abs()
    settings = {
        "operator": operator, "divergence": divergence, "vocabulary": PI, "contexts": "all", "temperature": 2.0,
        "strength": 0.5, "tokens": "gendered", "odds_weight": 1.0,
    }  # fmt: skip
    for value in with_gradients(distillation_loss, tensors, **settings):
        assert value.isfinite().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operator": "median"}, "unknown operator 'median'.*expmean"),
        ({"contexts": "some"}, "unknown contexts"),
        ({"divergence": "kl"}, "unknown divergence"),
        ({"temperature": 0.0}, "temperature"),
        ({"strength": 1.5}, "strength is 1.5"),
        ({"tokens": "some", "vocabulary": PI}, "unknown tokens"),
        ({"tokens": "gendered"}, "needs the role-reversed vocabulary"),
        ({"odds_weight": 0.5}, "a role-reversed vocabulary is needed"),
        ({"odds_weight": -0.5, "vocabulary": PI}, "odds_weight is -0.5"),
        ({"jsd_beta": 1.0}, "jsd_beta"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"operator": "mean", "prefix": None}, "prefix"),
        ({"operator": "mean", "counterfactual_hidden": None}, "REVERSED rows"),
        ({"teacher_hidden": None, "teacher_weight": None}, "kd_weight"),
        ({"teacher_weight": torch.zeros(3, TEACHER_WIDTH)}, "heads differ"),
        ({"labels": torch.zeros(2, dtype=torch.int64)}, "rows"),
        ({"operator": "mean", "prefix": torch.zeros(2, dtype=torch.uint8)}, "prefix has 2 rows"),
    ],
)
def test_mismatched_arguments_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        distillation_loss(**{**inputs(), **change})


def test_perfect_prediction_costs_nothing():
    weight = torch.eye(4) * 1e4
    loss = distillation_loss(torch.eye(4), weight, None, None, torch.arange(4), kd_weight=0.0, lm_weight=1.0)
    assert loss.total == 0
    assert not math.isnan(loss.kd)
