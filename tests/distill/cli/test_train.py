"""`distill fit`, end to end on tiny models: the files that it writes, overrides, warnings and help."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from distill.cli.dispatch import main
from tests.fits import fit, metrics, weights


def test_a_fit_writes_the_files_that_it_names(run):
    assert {path.name for path in run.iterdir()} == {"student", "checkpoints", "config.yaml", "metrics.csv"}
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= {
        path.name for path in (run / "student").iterdir()
    }
    rows = metrics(run)
    losses = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    assert [row for row in rows if row["val/loss"]]


def test_a_teacher_in_the_home_folder_is_not_a_hub_id(recipe, tmp_path, gpt2_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(gpt2_folder.parent))
    fit(recipe, tmp_path, f"--model.teacher.path=~/{gpt2_folder.name}", "--trainer.max_steps=1",
        "--trainer.limit_val_batches=0")  # fmt: skip
    assert "base_model" not in (tmp_path / "student" / "README.md").read_text()


def test_the_exported_student_gives_the_same_logits(run, recipe):
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    student = AutoModelForCausalLM.from_pretrained(run / "student").eval()
    for name, tensor in student.state_dict().items():
        assert torch.equal(tensor, best[f"student.{name}"])
    tokenizer = AutoTokenizer.from_pretrained(run / "student")
    inputs = tokenizer("The nurse said that", return_tensors="pt")
    assert student.generate(inputs["input_ids"], max_new_tokens=4).shape[1] > inputs["input_ids"].shape[1]


def test_the_same_command_gives_the_same_student(run, recipe, tmp_path):
    fit(recipe, tmp_path)
    again = weights(tmp_path)
    assert all(torch.equal(tensor, again[name]) for name, tensor in weights(run).items())


def test_replacing_a_finished_run_is_logged(recipe, tmp_path, caplog):
    with caplog.at_level("INFO"):
        fit(recipe, tmp_path, "--trainer.max_steps=1")
        assert "will be replaced" not in caplog.text
        fit(recipe, tmp_path, "--trainer.max_steps=1")
    assert f"the finished run in {tmp_path} will be replaced" in caplog.text


def test_a_warning_is_one_line_of_the_command(recipe, tmp_path, warm):
    done = warm.run(
        "distill", "fit", f"--config={recipe}", f"--trainer.default_root_dir={tmp_path}",
        "--trainer.max_steps=1", "--data.validation=null", "--model.loss.hidden_weight=0.5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "Warning" in line or " warning:" in line]
    assert lines == [
        "distill fit: warning: model.loss.hidden_weight > 0 pulls the student's hidden states to the factual, biased "
        "ones: set it to 0"
    ]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("test", ["Measure the losses of a checkpoint on data.validation"]),
        (
            "fit",
            ["Train a student", "it follows from data.global_batch_size", "The run's output folder, on this machine"],
        ),
    ],
)
def test_help_differs_from_lightnings_where_needed(capsys, command, words):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(word in shown for word in words)
    assert "never run on your" not in shown
    assert "s3://" not in shown


def test_the_last_checkpoint_is_the_last_step_even_if_validation_got_worse(recipe, tmp_path):
    fit(recipe, tmp_path, "--model.optimizer.lr=3", "--trainer.max_steps=5", "--trainer.val_check_interval=1")
    best, last = (
        torch.load(tmp_path / "checkpoints" / f"{name}.ckpt", weights_only=True)["global_step"]
        for name in ("best", "last")
    )
    assert best < last == 5


def test_without_validation_there_is_a_checkpoint_to_continue_from(recipe, tmp_path):
    fit(recipe, tmp_path, "--data.validation=null", "--checkpoint.every_n_train_steps=2", "--trainer.max_steps=3")
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"last.ckpt"}
    assert "the last step" in (tmp_path / "student" / "README.md").read_text()


def test_overrides_reach_interpolations(recipe, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("trainer:\n  max_steps: ${data.micro_batch_size}\n")
    fit(recipe, tmp_path / "run", f"--config={overlay}", "--data.micro_batch_size=4")
    assert len([row for row in metrics(tmp_path / "run") if row["train/loss"]]) == 4
