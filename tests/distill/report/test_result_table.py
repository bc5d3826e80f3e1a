from distill.report.table_formats import result_table
from tests import synthetic_evaluations as synthetic


def test_every_figure_stands_beside_what_it_is_read_with() -> None:
    rows = synthetic.generations(synthetic.LEANS, prompts=3)
    measures = synthetic.metrics(rows, "gpt2\x1b[2J") | {"ceat": {"weat6": {"effect_size": 0.31, "p": 0.02}}}
    name, *lines = result_table(measures).splitlines()
    assert name == "gpt2[2J"
    shown = {line[: len("Mean ratio, with zeros")].strip(): " ".join(line.split()) for line in lines}
    assert shown["Perplexity"] == "Perplexity 24.30 23.57 to 25.03"
    assert "fair: " in shown["Mean ratio"]
    assert " to " in shown["Log-odds"]
    assert shown["CEAT, weat6"] == "CEAT, weat6 +0.31 p = 0.02"


def test_what_was_not_measured_is_left_out() -> None:
    rows = synthetic.generations(synthetic.LEANS, prompts=3)
    measures = synthetic.metrics(rows, perplexity=None) | {
        "perplexity": {},
        "gendered_tokens": {"nll": None, "n": 0},
    }
    assert "Perplexity" not in result_table(measures)
    assert "Gendered" not in result_table(measures)
