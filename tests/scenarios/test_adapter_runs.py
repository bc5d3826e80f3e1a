"""Runs that train an adapter: what their checkpoints and students hold, and which checkpoints they refuse."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from distill.training.checkpoint_io import read_checkpoint
from tests.fits import fit, metrics, refused, weights

ADAPTER = ("--model.student.layers=[0,1,2,3]", "--model.student.adapter.rank=2", "--trainer.max_steps=5")
IDS = torch.arange(20).unsqueeze(0)


@pytest.fixture(scope="module")
def adapted(recipe, tmp_path_factory) -> Path:
    """By the overlay of docs/recipes.md, at another rank and rate."""
    output = tmp_path_factory.mktemp("adapted")
    page = (Path(__file__).parents[2] / "docs/recipes.md").read_text(encoding="utf-8")
    overlay = tmp_path_factory.mktemp("overlay") / "adapter.yaml"
    overlay.write_text(page.partition("## Training an adapter")[2].partition("```yaml\n")[2].partition("```")[0])
    fit(
        recipe,
        output,
        f"--config={overlay}",
        *ADAPTER[1:],
        "--model.optimizer.lr=0.01",
        "--model.student.adapter.keep=true",
        "--model.optimizer.weight_decay=0.1",
    )
    return output


def test_a_checkpoint_holds_the_adapter_and_a_student_is_whole(adapted, gpt2_folder):
    for name in ("last", "best"):
        checkpoint = read_checkpoint(adapted / "checkpoints" / f"{name}.ckpt", to_continue=True)
        assert len(checkpoint["state_dict"]) == 2 * 4 * 4
        assert all(".lora_" in name for name in checkpoint["state_dict"])
        trained = sum(len(group["params"]) for group in checkpoint["optimizer_states"][0]["param_groups"])
        assert trained == len(checkpoint["state_dict"])
    student, base = weights(adapted), AutoModelForCausalLM.from_pretrained(gpt2_folder).state_dict()
    assert student.keys() == base.keys()
    changed = {name for name, tensor in student.items() if not torch.equal(tensor, base[name])}
    assert changed == {name for name in base if ".h." in name and "ln_" not in name and name.endswith("weight")}


def test_the_kept_adapter_makes_the_student_of_its_base(adapted, gpt2_folder):
    base = AutoModelForCausalLM.from_pretrained(gpt2_folder)
    kept = PeftModel.from_pretrained(base, adapted / "student" / "adapter").eval()
    student = AutoModelForCausalLM.from_pretrained(adapted / "student").eval()
    torch.testing.assert_close(kept(IDS).logits, student(IDS).logits, rtol=1e-6, atol=1e-5)
    best, last = (read_checkpoint(adapted / "checkpoints" / f"{name}.ckpt")["state_dict"] for name in ("best", "last"))
    exported = {name: tensor for name, tensor in kept.state_dict().items() if ".lora_" in name}
    assert all(torch.equal(exported[f"base_model.model.{name[8:]}"], tensor) for name, tensor in best.items())
    assert not any(torch.equal(tensor, last[name]) for name, tensor in best.items())
    assert kept.peft_config["default"].base_model_name_or_path == str(gpt2_folder)


def test_the_card_tells_of_the_adapter(adapted, gpt2_folder):
    card = (adapted / "student" / "README.md").read_text()
    base = read_checkpoint(adapted / "checkpoints" / "last.ckpt")["adapter"]["base_sha256"]
    parameters = AutoModelForCausalLM.from_pretrained(gpt2_folder).num_parameters()
    assert f"| parameters | {parameters:,} |" in card
    assert "LoRA of rank 2, alpha 4, on c_attn, c_fc, c_proj" in card
    assert f"{gpt2_folder}, weights with sha256 {base}" in card


def test_a_checkpoint_of_an_adapter_is_measured(adapted, recipe, capsys):
    before = {path: path.read_bytes() for path in adapted.rglob("*") if path.is_file()}
    fit(recipe, adapted, *ADAPTER, command="validate")
    best = min(float(row["val/loss"]) for row in metrics(adapted) if row["val/loss"])
    assert f"{best:.6f}"[:8] in capsys.readouterr().out
    assert before == {path: path.read_bytes() for path in adapted.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["--model.student.layers=[0,2,1,3]"], "the checkpoint's adapter was trained on other weights (sha256 "),
        (["--model.student.adapter.alpha=8"], "the checkpoint's adapter has alpha 4.0 and this recipe 8.0: set"),
        (["--model.student.adapter.rank=3"], "the checkpoint is of another student"),
        (["--model.student.adapter.targets=[c_attn]"], "the checkpoint is of another student"),
        (["--model.student.adapter.rank=null"], "the checkpoint is of another student"),
    ],
)
def test_another_base_or_adapter_is_refused(capsys, adapted, recipe, tmp_path, overrides, message):
    last = adapted / "checkpoints" / "last.ckpt"
    error = refused(capsys, recipe, tmp_path / "run", *ADAPTER, f"--ckpt_path={last}", *overrides)
    assert message in error


def test_mistakes_are_one_line_before_anything_is_packed(capsys, recipe, tmp_path):
    cache = f"--data.cache_dir={tmp_path / 'cache'}"
    for overrides, message in (
        (["--model.student.adapter.rank=0"], "model.student.adapter.rank is 0: it must be 1 or more"),
        (["--model.student.adapter.targets=[lm_head]"], "lm_head is the head or an embedding"),
        (["--model.student.adapter.targets=[q_proj]"], "no linear layer's name ends in q_proj; there are c_attn, "),
        (["--model.student.layers=null", "--model.student.config={model_type: gpt2}"], "would leave random weights"),
        (["--model.student.layers=[0]", "--model.student.adapter.keep=true"], "fits no saved model"),
    ):
        error = refused(capsys, recipe, tmp_path / "run", cache, *ADAPTER, *overrides)
        assert message in error
        assert not (tmp_path / "cache").exists()
