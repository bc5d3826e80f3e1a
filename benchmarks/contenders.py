"""The contenders of step.py: train one of them for some steps and print its timings as one line of JSON.

Usage:
    python benchmarks/contenders.py prepare FOLDER SHAPE LAYERS WIDTH
    python benchmarks/contenders.py NAME FOLDER BLOCK_SIZE BATCH_SIZE STEPS
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from measuring import PeakMemory, synchronize
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    TrainerCallback,
    default_data_collator,
)

from augment import RoleReverser
from distill.config import (
    AdapterConfig,
    LossConfig,
    PerturbationConfig,
    RolloutConfig,
    StudentConfig,
    TeacherConfig,
)
from distill.data.blocks import Blocks
from distill.data.datamodule import CounterfactualDataModule
from distill.data.packing import Corpus, PackedText, pack
from distill.models.output_head import block_limit
from distill.module import DistillationModule
from distill.quickstart.corpus import write_corpus

VOCABULARY = 50_257
ON_GPU = torch.cuda.is_available()
DEVICE = "cuda" if ON_GPU else "cpu"
OURS = ("plain", "counterfactual", "adapter", "on-policy")
HUGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""Makes torch allocate CPU memory in huge pages; the command `distill` sets it."""


class StepTimer:
    """Records when each step ends, and the peak memory from the start of the first step on."""

    def __init__(self) -> None:
        self._memory = PeakMemory()
        self._ends: list[tuple[float, float]] = []

    def start(self, *models: Any) -> None:
        """Start measuring; read all weights first, which may still be memory-mapped from a file."""
        for model in models:
            for parameter in model.parameters():
                parameter.detach().sum()
        self._memory.restart()

    def step(self) -> None:
        """Record the end of a step."""
        synchronize()
        self._ends.append((time.perf_counter(), time.process_time()))

    def result(self) -> dict[str, Any]:
        """Return wall-clock and CPU seconds of every step but the first, and the peak memory in MiB."""
        wall, processors = zip(*self._ends, strict=True)
        return {
            "seconds": [end - start for start, end in pairwise(wall)],
            "processor_seconds": [end - start for start, end in pairwise(processors)],
            "peak_mib": self._memory.mib(),
        }


def prepare(folder: Path, shape: str, layers: int, width: int) -> dict[str, Any]:
    """Write the teacher and its tokenizer, and choose the text."""
    data = Path(os.environ.get("DISTILL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    text, tokenizer = data / "wikitext" / "valid.txt", data / "gpt2-tokenizer"
    if not (text.is_file() and tokenizer.is_dir()):
        write_corpus(folder / "corpus", seed=0)
        text, tokenizer = folder / "corpus" / "train.jsonl", folder / "corpus" / "tokenizer"
    AutoModelForCausalLM.from_config(_config(shape, layers, width)).save_pretrained(folder / "teacher")
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder / "teacher")
    (folder / "text").write_text(str(text))
    _packed(folder)
    return {"text": f"{text.parent.name}/{text.name}"}


def _config(shape: str, layers: int, width: int) -> PreTrainedConfig:
    """The configuration of a model of GPT-2's or SmolLM2's shape, with GPT-2's vocabulary."""
    heads = width // 64
    if shape == "gpt2":
        return GPT2Config(
            vocab_size=VOCABULARY, n_layer=layers, n_embd=width, n_head=heads, n_positions=1024,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )  # fmt: skip
    return LlamaConfig(
        vocab_size=VOCABULARY, num_hidden_layers=layers, hidden_size=width, intermediate_size=width * 8 // 3,
        num_attention_heads=heads, num_key_value_heads=max(1, heads // 3), max_position_embeddings=2048,
        tie_word_embeddings=True,
    )  # fmt: skip


PLAIN = PerturbationConfig()
EQUIVARIANT = PerturbationConfig("expmean", "reversed", "all")


def ours(
    folder: Path,
    block_size: int,
    batch_size: int,
    steps: int,
    perturbation: PerturbationConfig,
    adapter: AdapterConfig = AdapterConfig(),
    rollouts: bool = False,
) -> dict[str, Any]:
    """`distill fit` without its files; the last step is not timed, but its operations are counted.

    With rollouts, each step has one block of text besides `batch_size` texts of the student's own.
    """
    timer, shares, counter = StepTimer(), [], FlopCounterMode(display=False)

    class TimerCallback(pl.Callback):
        def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            timer.start(module.student, module.teacher)

        def on_train_batch_start(self, trainer, module, batch, batch_idx) -> None:
            if batch_idx == steps + 1:
                counter.__enter__()

        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
            if batch_idx == steps + 1:
                counter.__exit__(None, None, None)
                return
            timer.step()
            shares.append((len(batch.counterfactual) / len(batch.inputs), len(batch.gather) / batch.inputs.numel()))

    path = str(folder / "teacher")
    module = DistillationModule(
        teacher=TeacherConfig(path=path, dtype="bfloat16" if ON_GPU else "float32"),
        student=StudentConfig(layers=_student_layers(folder), adapter=adapter),
        perturbation=perturbation,
        loss=LossConfig(compile=ON_GPU),
    )
    trainer = pl.Trainer(
        accelerator="gpu" if ON_GPU else "cpu", devices=1, precision="bf16-mixed" if ON_GPU else "32-true",
        max_steps=steps + 2, gradient_clip_val=1.0, callbacks=[TimerCallback()], use_distributed_sampler=False,
        logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder,
    )  # fmt: skip
    data = CounterfactualDataModule(
        module.tokenizer, train=(folder / "text").read_text(), block_size=block_size,
        global_batch_size=batch_size + rollouts, micro_batch_size=batch_size + rollouts, num_proc=1, num_workers=0,
        cache_dir=str(folder / "cache"), counterfactual_limit=block_limit(module.teacher_config),
        rollout=RolloutConfig(batch_size / (batch_size + 1), "documents", block_size - PROMPT_TOKENS)
        if rollouts else RolloutConfig(),
    )  # fmt: skip
    trainer.fit(module, data)
    rows, positions = (sum(share) / steps for share in zip(*shares[1:], strict=True))
    if perturbation == PLAIN:
        rows = positions = 0.0
    return {
        **timer.result(),
        "rows_asked_twice": rows,
        "reversed_positions": positions,
        "product_flops": counter.get_total_flops(),
        "product_flops_per_s": product_rate(block_size * batch_size, module.teacher.config.hidden_size),
    }


def product_rate(rows: int, width: int) -> float:
    """Floating-point operations per second of this machine's matrix products, at the shape of an MLP's.

    The fastest of several products of `[rows, width]` and `[width, 4 · width]`, in the dtype that the step computes in.
    """
    dtype = torch.bfloat16 if ON_GPU else torch.float32
    left, right = (torch.randn(*shape, device=DEVICE, dtype=dtype) for shape in ((rows, width), (width, 4 * width)))
    seconds = []
    for _ in range(10):
        synchronize()
        start = time.perf_counter()
        left @ right
        synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * rows * width * 4 * width / min(seconds)


ADAPTER = AdapterConfig(rank=8)
PROMPT_TOKENS = 8
"""Of `data.rollout.prompts: documents`; the peer gets prompts of as many."""


def naive(folder: Path, block_size: int, batch_size: int, steps: int) -> dict[str, Any]:
    """The obvious implementation."""
    teacher, student = (model.to(DEVICE) for model in _peer_models(folder))
    optimizer = torch.optim.AdamW(student.parameters(), lr=5e-4)
    timer = StepTimer()
    timer.start(student, teacher)
    for inputs in _peer_batches(folder, block_size, batch_size, steps + 1):
        inputs = inputs.to(DEVICE)
        with torch.autocast(DEVICE, torch.bfloat16, enabled=ON_GPU):
            with torch.no_grad():
                log_p = teacher(inputs).logits.float().log_softmax(-1)
            log_q = student(inputs).logits.float().log_softmax(-1)
            loss = functional.kl_div(log_q, log_p, reduction="sum", log_target=True) / inputs.numel()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        timer.step()
    return timer.result()


def trl_on_policy(folder: Path, block_size: int, batch_size: int, steps: int) -> dict[str, Any]:
    """TRL's DistillationTrainer: its student continues as many prompts by as many tokens, which its teacher judges."""
    from datasets import Dataset
    from trl import DistillationConfig, DistillationTrainer

    timer = StepTimer()
    teacher, student = _peer_models(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder / "teacher")
    tokenizer.pad_token = tokenizer.eos_token
    prompts = [
        tokenizer.decode(row[:PROMPT_TOKENS])
        for batch in _peer_batches(folder, block_size, batch_size, steps + 1)
        for row in batch.tolist()
    ]
    trainer = DistillationTrainer(
        student,
        teacher_model=teacher,
        args=DistillationConfig(
            output_dir=str(folder / "trl"), beta=0.0, temperature=1.0, top_k=0, learning_rate=5e-4, max_grad_norm=1.0,
            max_completion_length=block_size - PROMPT_TOKENS, per_device_train_batch_size=batch_size,
            gradient_accumulation_steps=1, max_steps=steps + 1, bf16=ON_GPU, use_cpu=not ON_GPU,
            gradient_checkpointing=False, save_strategy="no", report_to="none", disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=tokenizer,
        callbacks=[_timing(timer, student, teacher)],
    )  # fmt: skip
    trainer.train()
    return timer.result()


def _timing(timer: StepTimer, *models: PreTrainedModel) -> TrainerCallback:
    class StepTimerCallback(TrainerCallback):
        def on_train_begin(self, arguments, state, control, **kwargs) -> None:
            timer.start(*models)

        def on_step_end(self, arguments, state, control, **kwargs) -> None:
            timer.step()

    return StepTimerCallback()


def trl(
    folder: Path, block_size: int, batch_size: int, steps: int, chunked: bool, adapter: bool = False
) -> dict[str, Any]:
    """TRL's trainer on the same text, without its on-policy part and its default gradient checkpointing."""
    from datasets import Dataset
    from trl.experimental.gkd import GKDConfig, GKDTrainer
    from trl.trainer.distillation_trainer import _chunked_divergence_loss

    timer = StepTimer()

    class ChunkedTrainer(GKDTrainer):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            ids = inputs["input_ids"]
            student_hidden = model.base_model(ids, use_cache=False).last_hidden_state[:, :-1]
            with torch.no_grad():
                teacher_hidden = self.teacher_model.base_model(ids, use_cache=False).last_hidden_state[:, :-1]
            return _chunked_divergence_loss(
                student_hidden, teacher_hidden, model.lm_head.weight, self.teacher_model.lm_head.weight,
                ids.new_ones(student_hidden.shape[:2]), self.beta, num_items_in_batch=num_items_in_batch,
            )[0]  # fmt: skip

    teacher, student = _peer_models(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder / "teacher")
    tokenizer.pad_token = tokenizer.eos_token
    rows = [
        {"input_ids": row, "attention_mask": [1] * len(row), "labels": row}
        for batch in _peer_batches(folder, block_size, batch_size, steps + 1)
        for row in batch.tolist()
    ]
    trainer = (ChunkedTrainer if chunked else GKDTrainer)(
        student,
        teacher_model=teacher,
        args=GKDConfig(
            output_dir=str(folder / "trl"), lmbda=0.0, beta=0.0, temperature=1.0, learning_rate=5e-4, max_grad_norm=1.0,
            per_device_train_batch_size=batch_size, max_steps=steps + 1, bf16=ON_GPU, use_cpu=not ON_GPU,
            gradient_checkpointing=False, save_strategy="no", report_to="none", disable_tqdm=True,
        ),
        data_collator=default_data_collator,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[_timing(timer, student, teacher)],
        peft_config=_lora() if adapter else None,
    )  # fmt: skip
    trainer.train()
    return timer.result()


def _lora() -> Any:
    """LoRA as in our adapted student: of the same rank, on the same layers."""
    from peft import LoraConfig

    return LoraConfig(task_type="CAUSAL_LM", r=ADAPTER.rank, lora_alpha=2 * ADAPTER.rank, target_modules="all-linear")


def _student_layers(folder: Path) -> list[int]:
    return list(range(0, AutoConfig.from_pretrained(folder / "teacher").num_hidden_layers, 2))


def _packed(folder: Path) -> PackedText:
    tokenizer = AutoTokenizer.from_pretrained(folder / "teacher")
    return pack(Corpus(((folder / "text").read_text(),)), RoleReverser(), tokenizer, 1, folder / "cache")


def _peer_models(folder: Path) -> tuple[PreTrainedModel, PreTrainedModel]:
    """Teacher and student as created by transformers; the student's weights are random."""
    dtype = torch.bfloat16 if ON_GPU else torch.float32
    teacher = AutoModelForCausalLM.from_pretrained(folder / "teacher", dtype=dtype).eval().requires_grad_(False)
    config = AutoConfig.from_pretrained(folder / "teacher")
    config.num_hidden_layers = len(_student_layers(folder))
    return teacher, AutoModelForCausalLM.from_config(config, dtype=torch.float32).train()


def _peer_batches(folder: Path, block_size: int, batch_size: int, steps: int) -> Iterator[Tensor]:
    """Yield `[batch, block_size]` tokens of the same packed text."""
    blocks = Blocks(_packed(folder), block_size, None)
    for indices in torch.randperm(len(blocks), generator=torch.Generator().manual_seed(0)).split(batch_size)[:steps]:
        yield torch.stack([torch.from_numpy(blocks[index].inputs) for index in indices.tolist()])


def main() -> None:
    """Run the contender that the arguments name."""
    name, folder, *numbers = sys.argv[1:]
    if name == "prepare":
        shape, *numbers = numbers
        print(json.dumps(prepare(Path(folder), shape, *map(int, numbers))))
        return
    sizes = (Path(folder), *map(int, numbers))
    if name in OURS or name == "trl-huge-pages":
        os.environ[HUGE_PAGES] = "1"
    call = {
        "plain": lambda *sizes: ours(*sizes, PLAIN),
        "counterfactual": lambda *sizes: ours(*sizes, EQUIVARIANT),
        "adapter": lambda *sizes: ours(*sizes, EQUIVARIANT, ADAPTER),
        "on-policy": lambda *sizes: ours(*sizes, EQUIVARIANT, rollouts=True),
        "naive": naive,
        "trl": lambda *sizes: trl(*sizes, chunked=False),
        "trl-chunked": lambda *sizes: trl(*sizes, chunked=True),
        "trl-adapter": lambda *sizes: trl(*sizes, chunked=False, adapter=True),
        "trl-on-policy": trl_on_policy,
        "trl-huge-pages": lambda *sizes: trl(*sizes, chunked=False),
    }[name]
    print(json.dumps(call(*sizes)))


if __name__ == "__main__":
    main()
