import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from distill.errors import UserError
from distill.evaluation import load
from distill.report.command import report
from distill.report.formatting import clean
from distill.report.models import single_runs
from distill.report.table_formats import (
    escape_latex,
    latex_table,
    markdown_table,
    professions_grid,
    summary_grid,
)
from distill.report.verdict.contrasts import Contrast, RunContrast
from distill.runtime.markdown import escape_markdown
from tests import synthetic_evaluations as synthetic
from tests.distill.report import hostile

ATTACKS = hostile.attacks()

# As a forge renders it: tables, HTML let through, struck text.
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def cells(text: str) -> tuple[list[str], set[str]]:
    """The text of the cells of a Markdown table, and the kinds of tokens in them."""
    inlines = [token for token in MARKDOWN.parse(text) if token.type == "inline"]
    inner: list[Token] = [child for token in inlines for child in token.children or []]
    said = ["".join(child.content for child in token.children or []) for token in inlines]
    return said, {child.type for child in inner}


@pytest.mark.parametrize("attack", ATTACKS)
def test_markdown_says_what_was_there_and_no_more(attack: str) -> None:
    name = clean(attack, limit=1000)
    said, kinds = cells(markdown_table([["", name], [name, "1"], ["2", f"{name} {name}"]]))
    assert said == ["", name, name, "1", "2", f"{name} {name}"]
    assert kinds <= {"text", "text_special"}


@given(st.text(max_size=60) | st.text("_*`a0 ", max_size=12))
def test_markdown_of_any_text(text: str) -> None:
    name = clean(text)
    said, kinds = cells(markdown_table([["x", name], ["y", name]]))
    assert said == ["x", name, "y", name]
    assert kinds <= {"text", "text_special"}


def test_markdown_makes_no_link_of_an_address() -> None:
    """GitHub and GitLab make links of these without any markup; an entity in the middle prevents it."""
    escaped = escape_markdown("http://a.example www.a.example a@b.example mailto:a@b.example")
    assert not re.search(r"://|www\.|\w@\w|mailto:", escaped)


def test_markdown_stays_readable() -> None:
    for name in ("gpt2-small", "organisation/model_v2.1 (plain)", "24.30 (23.57 to 25.03)", "AT&T", "3 : 4, +0.2"):
        assert escape_markdown(name) == name


COMMANDS = (
    r"\textbackslash{}", r"\textasciicircum{}", r"\textasciitilde{}", r"\textless{}", r"\textgreater{}", r"\textbar{}",
    r"\textquotedbl{}", r"\textasciigrave{}", r"\{", r"\}", r"\$", r"\&", r"\#", r"\%", r"\_", "$-$", r"$\geq$",
    r"$\rightarrow$", r"$\cdot$", "{[}", "{]}", "{*}", "-{}",
)  # fmt: skip


@given(st.text(max_size=60) | st.sampled_from(ATTACKS))
def test_latex_holds_no_command_but_ours(text: str) -> None:
    left = escape_latex(clean(text))
    for command in COMMANDS:
        left = left.replace(command, "")
    assert not set(left) & set("\\{}$&#%_^~[]*")
    assert "--" not in escape_latex(text)


def test_a_row_of_latex_is_a_line() -> None:
    lines = latex_table(
        [["", *map(clean, ATTACKS[:3])], *([clean(attack), "", "", ""] for attack in ATTACKS)]
    ).splitlines()
    assert lines[0] == r"\begin{tabular}{lrrr}"
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 1 + len(ATTACKS)
    assert all(len(re.findall(r"(?<!\\)&", row)) == 3 for row in rows)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_name_is_one_line_and_steers_nothing(attack: str) -> None:
    name = clean(f"a{attack}b" * 20)
    assert len(name) <= 100
    assert name.isprintable()
    assert not re.search(r"\s\s", name)


def test_hostile_documents_are_whole(tmp_path: Path) -> None:
    rows = synthetic.generations(dict.fromkeys(ATTACKS, 0.5), prompts=2, samples=2)
    folders = [
        synthetic.write(tmp_path / name, rows, synthetic.metrics(rows, "\n".join(ATTACKS)))
        for name in ("\\input{x}", "|")
    ]
    models = single_runs([load(folder) for folder in folders])
    contrast = Contrast(models[0], models[1], (RunContrast(UserError("other prompts"), {}),))
    report(folders, tmp_path / "tables.md")
    tokens = MARKDOWN.parse((tmp_path / "tables.md").read_text(encoding="utf-8"))
    kinds = {child.type for token in tokens for child in token.children or []}
    assert kinds == {"text", "strong_open", "strong_close"}
    assert "html_block" not in {token.type for token in tokens}
    grids = summary_grid(models), professions_grid(models, [contrast])
    assert len(grids[1]) == 1 + len(ATTACKS)
    facts = 1 + 5
    assert sum(token.type == "tr_open" for token in tokens) == facts + sum(map(len, grids))
    report(folders, tmp_path / "tables.tex")
    lines = (tmp_path / "tables.tex").read_text(encoding="utf-8").splitlines()
    assert all(re.match(r"%|\\(begin|end|toprule|midrule|bottomrule)|.* \\\\$", line) for line in lines)
