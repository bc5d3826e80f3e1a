import re

from distill.report.html.figures_table import figures_section
from distill.report.html.verdicts import verdict_section
from distill.report.verdict import Verdict
from tests.distill.report.verdict import made


def test_a_caution_stands_above_the_finding() -> None:
    fine = Verdict("plain", "less disparity, p < 0.001", "The rest.", None, (), (("Disparity", "0.1 nats"),))
    broken = Verdict("broken", "coherence lost", "The rest.", None, ("It loses <her>: 45 %.", "It mixes."), ())
    first, second = verdict_section([fine, broken]).split("<article")[1:]
    assert "caution" not in first
    assert "<dt>Disparity</dt><dd>0.1 nats</dd>" in first
    assert "Less disparity, p &lt; 0.001" in first
    assert second.index('role="note"') < second.index("Coherence lost")
    assert "It loses &lt;her&gt;: 45&nbsp;%." in second
    assert "It mixes." in second
    assert "<dl" not in second


def arrows(html: str) -> dict[str, list[str]]:
    """The arrows of each line of the table, by its title, model by model."""
    found = {}
    for row in re.findall(r"<tr><th scope=.row.>(.*?)</th>(.*?)</tr>", html):
        title = re.sub(r"<p.*?</p>|<.*?>", "", row[0])
        found[title] = [
            re.sub(r".*class=.(\w+).>(.).*", r"\2 \1", cell) if "span" in cell else ""
            for cell in re.findall(r"<td>(.*?)</td>", row[1])
        ]
    return found


def test_only_certain_changes_have_an_arrow() -> None:
    teacher, student = made.model("teacher"), made.model("student", made.evaluation("student", rms=0.2))
    for each in (teacher, student):
        each.first.metrics.update(
            {
                "coherence": {"value": 0.9, "ci95": None, "n": 100},
                "perplexity": {"token": {"value": 10.0, "nll": 2.3, "tokens": 100, "ci95": None}},
                "gendered_tokens": {"nll": 1.0, "n": 100},
            }
        )
    prices = (
        made.price("coherence", 0.9, 0.8, (-0.15, -0.05)),
        made.price("perplexity", 10.0, 9.9, (-0.02, -0.001)),
        made.price("gendered_nll", 1.0, 1.01, (-0.01, 0.03)),
    )
    compared = made.contrast(teacher, student, made.run(1.25, 0.2, 0.001, (0.8, 0.7, 0.9), (0.0, 0.0, 0.5), *prices))
    found = arrows(figures_section([teacher, student], [compared]))
    assert found["Coherence"] == ["", "▼ worse"]
    assert found["Perplexity"] == ["", "▼ better"]
    assert found["Disparity"] == ["", "▼ better"]
    assert found["Gendered NLL"] == ["", ""]
    uncertain = made.contrast(teacher, student, made.run(1.25, 1.2, 0.4))
    assert arrows(figures_section([teacher, student], [uncertain]))["Disparity"] == ["", ""]
