"""metrics.csv: rows, late columns, and a run that continues."""

import csv

from distill.training.metrics_csv import MetricsFile, read_column


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_late_metrics_become_columns(tmp_path):
    logger = MetricsFile(tmp_path)
    logger.log_metrics({"train/loss": 2.0}, 0)
    logger.log_metrics({"val/loss": 3.0}, 1)
    assert rows(tmp_path) == [
        {"step": "0", "train/loss": "2.0", "val/loss": ""},
        {"step": "1", "train/loss": "", "val/loss": "3.0"},
    ]


def test_a_continued_run_drops_the_rows_that_it_repeats(tmp_path):
    first = MetricsFile(tmp_path)
    for step in range(4):
        first.log_metrics({"train/loss": float(step)}, step)
    again = MetricsFile(tmp_path)
    again.continue_from(2)
    again.log_metrics({"train/loss": 20.0}, 2)
    again.log_metrics({"train/loss": 30.0}, 3)
    assert [row["train/loss"] for row in rows(tmp_path)] == ["0.0", "1.0", "20.0", "30.0"]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


def test_a_row_cut_short_by_a_kill_is_dropped(tmp_path):
    first = MetricsFile(tmp_path)
    first.log_metrics({"train/loss": 1.0, "train/lr": 0.5}, 0)
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("1,0.")
    again = MetricsFile(tmp_path)
    again.continue_from(2)
    again.log_metrics({"train/loss": 3.0, "train/lr": 0.5}, 2)
    assert [row["step"] for row in rows(tmp_path)] == ["0", "2"]
    assert read_column(tmp_path, "train/loss") == [1.0, 3.0]


def test_an_existing_file_is_appended_to(tmp_path):
    MetricsFile(tmp_path).log_metrics({"train/loss": 2.0, "train/lr": 0.5}, 0)
    later = MetricsFile(tmp_path)
    later.log_metrics({"val/loss": 3.0}, 1)
    later.log_metrics({"train/loss": 1.0, "train/lr": 0.25}, 2)
    assert rows(tmp_path) == [
        {"step": "0", "train/loss": "2.0", "train/lr": "0.5", "val/loss": ""},
        {"step": "1", "train/loss": "", "train/lr": "", "val/loss": "3.0"},
        {"step": "2", "train/loss": "1.0", "train/lr": "0.25", "val/loss": ""},
    ]
