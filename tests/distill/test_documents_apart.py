"""Documents that are apart: blocks, losses and gradients are those of each document alone.

The oracle cuts the stream into the documents' parts by itself, runs both models on each part without position ids, and
derives kinds of prefixes and a(t) from the encoded documents, position by position.
"""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from tokenizers import processors
from transformers import AutoTokenizer

from augment import RoleReverser
from distill.config import PerturbationConfig, StudentConfig, TeacherConfig
from distill.data.blocks import Block, Blocks, collate
from distill.data.encoding import EncodedDocument, TokenFlag, encode_documents
from distill.data.packed_text import PackedBatch, PackedWriter
from distill.models.output_head import last_hidden_states
from distill.module import DistillationModule
from distill.perturbation.equivariance_gap import position_gaps
from distill.perturbation.prefix_kinds import PrefixKind
from distill.preview.targets import target_nlls
from distill.student_gap import gap_sum
from tests.distill.losses.test_objective import naive_loss

EQUIVARIANT = PerturbationConfig("expmean", "reversed", "all")
REVERSER = RoleReverser()
WORDS = ("The nurse", "she", "her", "Mary", "the heir", "actress", "said", "book", "he", ".")

texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), min_size=2, max_size=9)


@dataclass(frozen=True)
class Part:
    """What a block holds of a document: its tokens, kinds of prefixes, reversal, and a(t) of the REVERSED prefixes."""

    tokens: np.ndarray
    kinds: list[PrefixKind]
    counterfactual: np.ndarray
    positions: list[int]


def documents_of(texts: list[str], tokenizer, lead: int) -> list[EncodedDocument]:
    """Each document with its opening: with `lead`, the end-of-text token of the one before it."""
    encoded = encode_documents(texts, REVERSER, tokenizer, ["text"] * len(texts))
    if not lead:
        return encoded
    end, opened = np.array([tokenizer.eos_token_id]), []
    for number, document in enumerate(encoded):
        before, last = end[: number > 0], len(encoded) - 1 == number
        kept = len(document.tokens) if last else -1
        boundary = document.boundary[:kept]
        opened.append(
            EncodedDocument(
                np.concatenate([before, document.tokens[:kept]]),
                np.concatenate([before, document.counterfactual[: None if last else -1]]),
                np.concatenate([before * 0, np.where(boundary < 0, -1, boundary + len(before))]),
                np.concatenate([before * 0, document.flags[:kept]]).astype(np.uint8),
            )
        )
    return opened


def whole_part(document: EncodedDocument, length: int) -> Part:
    """The first tokens of a document, by the definition of the kinds."""
    kinds, positions = [], []
    for t in range(length):
        seen, here = np.bitwise_or.reduce(document.flags[: t + 1]), document.flags[t]
        if seen & TokenFlag.REVERSED_WORD and not here & TokenFlag.UNALIGNED:
            kinds.append(PrefixKind.REVERSED)
            positions.append(int(document.boundary[t]))
        elif seen & TokenFlag.GENDER_CUE or here & TokenFlag.UNALIGNED:
            kinds.append(PrefixKind.UNALIGNED)
        else:
            kinds.append(PrefixKind.NEUTRAL)
    return Part(document.tokens[:length], kinds, document.counterfactual, positions)


def cut_part(packed, index: int, length: int, end: int) -> Part:
    """The end of a document that began before its block, which begins there as blocks do without the setting."""
    block = Blocks(packed, length, None)[index]
    kinds = [PrefixKind(kind) for kind in block.prefix[:end]]
    positions = block.positions[: kinds.count(PrefixKind.REVERSED)]
    return Part(block.inputs[:end], kinds, block.counterfactual, positions.tolist())


def parts_of(documents: list[EncodedDocument], packed, index: int, length: int) -> list[Part]:
    parts, start = [], 0
    for document in documents:
        begin, end = start - index * length, start + len(document.tokens) - index * length
        start += len(document.tokens)
        if begin < 0 < end:
            parts.append(cut_part(packed, index, length, min(end, length)))
        elif 0 <= begin < min(end, length):
            parts.append(whole_part(document, min(end, length) - begin))
    return parts


def packed_of(texts: list[str], tokenizer, folder):
    folder = Path(tempfile.mkdtemp(dir=folder))
    encoded = encode_documents(texts, REVERSER, tokenizer, ["text"] * len(texts))
    with PackedWriter(folder, "uint16") as writer:
        writer.add(PackedBatch.of(encoded, "uint16"))
        writer.end_source("texts")
        return writer.finish()


def opened_tokenizer(corpus):
    """A tokenizer with an opening of its own, as Llama's."""
    tokenizer = AutoTokenizer.from_pretrained(corpus / "tokenizer")
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    return tokenizer


@pytest.mark.parametrize("lead", [1, 0])
def test_a_block_holds_the_parts_of_its_documents(corpus, tokenizer, tmp_path_factory, lead):
    tokenizer = tokenizer if lead else opened_tokenizer(corpus)
    folder, seen = tmp_path_factory.mktemp("packed"), set()

    @settings(max_examples=80)
    @given(texts, st.integers(2, 40))
    def check(texts, length):
        packed = packed_of(texts, tokenizer, folder)
        documents = documents_of(texts, tokenizer, lead)
        blocks = Blocks(packed, length, None, lead)
        for index in range(len(blocks)):
            block = blocks[index]
            parts = parts_of(documents, packed, index, length)
            assert block.prefix.tolist() == [kind for part in parts for kind in part.kinds]
            assert block.position_ids.tolist() == [t for part in parts for t in range(len(part.tokens))]
            assert np.array_equal(block.inputs, np.concatenate([part.tokens for part in parts]))
            # Of each reversal as much as its last REVERSED prefix needs, and nothing of the others.
            read = [part.counterfactual[: max(part.positions) + 1] for part in parts if part.positions]
            assert block.counterfactual.tolist() == [token for tokens in read for token in tokens]
            assert block.counterfactual_position_ids.tolist() == [t for tokens in read for t in range(len(tokens))]
            within = block.counterfactual_position_ids[block.positions]
            assert within.tolist() == [position for part in parts for position in part.positions]
            seen.update(block.prefix.tolist())

    check()
    assert seen == {*PrefixKind}


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def module(request) -> DistillationModule:
    teacher = request.getfixturevalue(f"{request.param}_folder")
    module = DistillationModule(TeacherConfig(str(teacher)), None, StudentConfig(layers=[0, 2]), EQUIVARIANT)
    module.configure_model()
    module.student.eval()
    module.trainer = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_checkpointing=False)
    return module


def tokens_of(part: Part) -> np.ndarray:
    return part.tokens


def counterfactual_of(part: Part) -> np.ndarray:
    return part.counterfactual


def alone(model, parts: list[Part], of) -> torch.Tensor:
    """`[tokens, D]` the hidden states of each part by itself."""
    states = [model.base_model(input_ids=torch.from_numpy(of(part).astype(np.int64))[None]) for part in parts]
    return torch.cat([state.last_hidden_state[0] for state in states])


def counterfactual_alone(model, parts: list[Part]) -> torch.Tensor:
    """`[reversed, D]` the hidden states of each part's reversal by itself, at a(t)."""
    rows = [alone(model, [part], counterfactual_of)[part.positions] for part in parts if part.positions]
    return torch.cat([torch.zeros(0, model.config.hidden_size), *rows])


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_losses_and_gradients_are_those_of_each_document_alone(module, tmp_path_factory, attention):
    folder = tmp_path_factory.mktemp("packed")
    teacher, student, pi = module.teacher, module.student, module.vocabulary
    for model in (teacher, student):
        model.set_attn_implementation(attention)

    @settings(max_examples=6)
    @given(texts, st.integers(6, 60))
    def check(texts, length):
        packed = packed_of(texts, module.tokenizer, folder)
        blocks = Blocks(packed, length, None, lead=1)
        if not len(blocks):
            return
        batch = collate([blocks[index] for index in range(len(blocks))])
        documents = documents_of(texts, module.tokenizer, lead=1)
        parts = [part for index in range(len(blocks)) for part in parts_of(documents, packed, index, length)]

        student.zero_grad()
        loss = module.training_step(batch, 0)
        loss.backward()
        gradients = {name: parameter.grad.clone() for name, parameter in student.named_parameters()}

        student.zero_grad()
        with torch.no_grad():
            factual, counterfactual = alone(teacher, parts, tokens_of), counterfactual_alone(teacher, parts)
        labels, prefix = batch.labels.flatten(), torch.tensor([kind for part in parts for kind in part.kinds])
        expected, *_ = naive_loss(
            alone(student, parts, tokens_of), student.lm_head.weight, factual, teacher.lm_head.weight,
            labels, prefix, counterfactual, operator="expmean", vocabulary=pi, contexts="all",
        )  # fmt: skip
        expected.backward()
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
        for name, parameter in student.named_parameters():
            error = (gradients[name] - parameter.grad).norm()
            assert error <= 1e-5 * parameter.grad.norm() + 1e-6, name

        states = last_hidden_states(student, batch.inputs, batch.position_ids).flatten(0, 1)
        gap, _ = gap_sum(student, batch, states, pi)
        own, reversal = alone(student, parts, tokens_of), counterfactual_alone(student, parts)
        gaps = position_gaps(own, prefix, reversal, student.lm_head, student.config.vocab_size, pi)
        torch.testing.assert_close(gap, gaps.sum(), rtol=1e-4, atol=1e-6)

    check()


def test_a_preview_scores_each_document_alone(module, tmp_path):
    texts = ["The nurse said she saw her book.", "Mary said.", "The actress said he saw the heir."]
    packed = packed_of(texts, module.tokenizer, tmp_path)
    length = packed.tokens - 1
    batch = collate([Blocks(packed, length, None, lead=1)[0]])
    score = partial(target_nlls, module.teacher, module.teacher.lm_head.weight, module.vocabulary, [EQUIVARIANT])
    labels = batch.labels[0]
    for part in parts_of(documents_of(texts, module.tokenizer, lead=1), packed, 0, length):
        own, labels = labels[: len(part.tokens)], labels[len(part.tokens) :]
        kinds, positions = np.array(part.kinds, dtype=np.int8), np.array(part.positions, dtype=np.int64)
        block = Block(part.tokens, own.numpy(), kinds, part.counterfactual, positions)
        start = batch.labels.shape[1] - len(labels) - len(own)
        nlls = score(batch)[0, 0, start : start + len(own)]
        torch.testing.assert_close(nlls, score(collate([block]))[0, 0], rtol=1e-5, atol=1e-5)
    assert not len(labels)
