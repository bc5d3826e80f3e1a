"""The model card of a student."""

from pathlib import Path

import yaml
from markdown_it import MarkdownIt

from tests.fits import fit, metrics


def test_the_card_describes_the_student(run, gpt2_folder):
    card = (run / "student" / "README.md").read_text()
    for fact in (
        str(gpt2_folder),
        "layers 0, 2",
        "expmean, reversed vocabulary, all contexts",
        "best.ckpt",
        "2203.12574",
    ):
        assert fact in card


def test_names_are_text_in_the_card(recipe, tmp_path):
    """Hubs render the card; a name is whatever its owner called it."""
    output = tmp_path / "run|<script>alert(1)<"
    text = tmp_path / "<img src=x onerror=alert(1)>|.jsonl"
    text.write_bytes(Path(yaml.safe_load(recipe.read_text())["data"]["train"]).read_bytes())
    fit(recipe, output, f"--data.train={text}", "--trainer.max_steps=2")
    rendered = (
        MarkdownIt("commonmark", {"html": True}).enable("table").render((output / "student/README.md").read_text())
    )
    assert "<script" not in rendered
    assert "<img" not in rendered
    assert "run|&lt;script&gt;alert(1)&lt;" in rendered
    assert "&lt;img src=x onerror=alert(1)&gt;|.jsonl" in rendered


def test_a_baseline_claims_nothing(recipe, tmp_path):
    fit(recipe, tmp_path, "--model.perturbation.operator=none", "--trainer.max_steps=2")
    card = (tmp_path / "student" / "README.md").read_text()
    assert "this is a baseline" in card
    assert "role reversal" not in card
    assert "counterfactual-role-reversal" not in card
    assert "tags:\n- knowledge-distillation\n" in card
    assert {row["train/reversed_rows"] for row in metrics(tmp_path) if row["train/loss"]} == {"0.0"}
