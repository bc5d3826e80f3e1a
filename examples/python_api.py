"""Distil a teacher with your own Trainer, and load the student.

    python examples/python_api.py --teacher gpt2 --train my/text.jsonl --output outputs/mine

Teacher and text are paths or hub ids. The student keeps every other layer of the teacher and learns from the
equivariant teacher. `distill fit` adds checkpoints to continue from, metrics.csv, and checks of the recipe.
"""

import argparse
from pathlib import Path

import pytorch_lightning as pl
from transformers import AutoConfig, pipeline

from distill import (
    CounterfactualDataModule,
    DistillationModule,
    ExportStudent,
    LossConfig,
    OptimizerConfig,
    PerturbationConfig,
    StudentConfig,
    TeacherConfig,
)


def train(
    teacher: str, text: str, output: Path, steps: int, block_size: int, batch_size: int, callbacks: list[pl.Callback]
) -> Path:
    """Train a student of every other layer, and return the folder with it."""
    layers = list(range(0, AutoConfig.from_pretrained(teacher).num_hidden_layers, 2))
    module = DistillationModule(
        TeacherConfig(teacher),
        student=StudentConfig(layers=layers),
        perturbation=PerturbationConfig("expmean", vocabulary="reversed", contexts="all"),
        loss=LossConfig(kd_weight=1.0),
        optimizer=OptimizerConfig(lr=5e-4),
        names=True,
    )
    data = CounterfactualDataModule(
        module.tokenizer,
        train=text,
        block_size=block_size,
        global_batch_size=batch_size,
        micro_batch_size=min(batch_size, 8),
        names=True,  # as in the module: both must reverse the same words
        num_workers=0,
        cache_dir=str(output / "cache"),
    )
    trainer = pl.Trainer(
        max_steps=steps,
        callbacks=[ExportStudent(), *callbacks],
        default_root_dir=output,
        use_distributed_sampler=False,  # the data module has a sampler of its own
        logger=False,
        enable_checkpointing=False,
    )
    trainer.fit(module, data)
    return output / "student"


def main(arguments: list[str] | None = None) -> None:
    """Train, and let the student generate a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", default="gpt2", help="folder or hub id")
    parser.add_argument("--train", required=True, help="file, folder or hub id")
    parser.add_argument("--output", type=Path, default=Path("outputs/mine"))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--block_size", type=int, default=512)
    parser.add_argument("--batch_size", type=int, default=32)
    given = parser.parse_args(arguments)
    student = train(given.teacher, given.train, given.output, given.steps, given.block_size, given.batch_size, [])

    write = pipeline("text-generation", str(student))
    print(write("The nurse said that", max_new_tokens=20)[0]["generated_text"])


if __name__ == "__main__":
    main()
