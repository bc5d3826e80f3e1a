import errno
import json
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from distill.cli.dispatch import main
from distill.errors import UserError
from distill.evaluation import Evaluation, load
from distill.evaluation.disparity.comparison import label_generations
from distill.evaluation.disparity.rescoring import rescore
from distill.report.command import report
from distill.report.html.marked_words import MAX_TEXT_LENGTH, marked
from distill.report.html.samples import PAGE_SIZE, samples
from distill.report.html.svg import fair_share, ticks
from distill.report.models import single_runs, titles
from distill.report.table_formats import table
from tests import synthetic_evaluations as synthetic

VOID = {"meta", "br", "input", "rect", "line", "col", "wbr"}


class Page(HTMLParser):
    """A parsed page: its elements with their attributes, and its text; wrong nesting is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self._meaning = False
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        # What a figure means is folded up between its name and its value.
        self._meaning = dict(attrs).get("class") == "meaning"
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._meaning = False
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["style"], ["script"]) and not self._meaning:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, kind: str | None = None) -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag and (kind is None or kind in (a.get("class") or "").split())]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return synthetic.quickstart(tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="module")
def html(folders: list[Path]) -> str:
    output = folders[0].parent / "report.html"
    report(folders, output)
    return output.read_text(encoding="utf-8")


def changed(source: Path, target: Path, **entries: object) -> Path:
    """A copy of an evaluation with some top-level entries of its metrics replaced."""
    shutil.copytree(source, target)
    metrics = json.loads((target / "metrics.json").read_text(encoding="utf-8")) | entries
    (target / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return target


def render(folders: list[Path], output: Path) -> Page:
    report(folders, output)
    return Page(output.read_text(encoding="utf-8"))


def test_the_page_holds_every_part(html: str) -> None:
    page = Page(html)
    assert len(page.all("svg", "bar")) == 3 * 9
    assert page.all("svg", "scatter")
    assert len(page.all("article", "sample")) == PAGE_SIZE
    assert len(page.all("div", "text")) == 3 * PAGE_SIZE
    assert "All 450 samples are here" in page.text
    assert page.all("mark", "female")
    assert page.all("mark", "male")
    assert all(svg.get("aria-label") for svg in page.all("svg"))
    for words in (
        "less disparity than teacher",
        "Only the continuation is judged",
        "binary",
        "fairer embeddings",
        "temperature",
    ):
        assert words in page.text
    assert "weat7" not in page.text
    assert "per token, crows.csv" not in page.text


def test_the_verdict_says_what_the_texts_were_made_with(html: str) -> None:
    text = Page(html).text
    assert "No clear difference in disparity from teacher, p = " in text
    found = r"counterfactual (At least )?\d+ % less disparity than teacher, p < 0.001; parity \w+; perplexity \+31.3 %"
    assert re.search(found, text.replace("\xa0", " "), re.IGNORECASE)
    assert "polar rate 60.0 % to " in text.replace("\xa0", " ")


def test_groups_are_sorted_by_the_lean_of_the_baseline(html: str, folders: list[Path]) -> None:
    groups = load(folders[0]).metrics["disparity"]["unigram"]["groups"]
    expected = sorted(groups, key=lambda group: -groups[group]["log_odds"])
    labels = [svg["aria-label"] for svg in Page(html).all("svg", "bar")]
    assert [label.split(",")[0] for label in labels[::3]] == expected


def test_nothing_is_loaded_and_only_its_own_script_runs(html: str) -> None:
    page = Page(html)
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    for tag in ("style", "script"):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert len(content) == 1
        assert f"'sha256-{b64encode(sha256(content[0].encode()).digest()).decode()}'" in policy
    assert not re.search(r"https?://|url\(|@import", html)
    # The policy forbids them, so that one would silently do nothing.
    assert not [
        element for element in page.elements if any(name == "style" or name.startswith("on") for name in element[1])
    ]


def test_hostile_data_stays_text(tmp_path: Path) -> None:
    attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;"
    rows = synthetic.generations({attack: 1.0, "nurse_aides": 0.5}, prompts=3)
    rows["prompt"] += attack
    rows["continuation"] = attack + " she " + attack
    measures = synthetic.metrics(rows, attack) | {"settings": {attack: attack}}
    measures["fluency"]["reference"] = attack
    folders = [synthetic.write(tmp_path / name, rows, measures) for name in ("a", "b")]
    page = render(folders, tmp_path / "report.html")
    assert [script.get("type") for script in page.all("script")] == ["application/json", None]
    assert not page.all("img")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert attack in [link.get("data-group") for link in page.all("a")]
    assert page.text.count("alert(1)") > 10


def test_missing_measures_are_said_to_be_missing(tmp_path: Path) -> None:
    rows = synthetic.generations(synthetic.LEANS)
    rows.loc[rows["group"] == "nurse", "continuation"] = " it rained."
    measures = synthetic.metrics(rows, perplexity=None)
    assert measures["disparity"]["unigram"]["groups"]["nurse"]["ratio"] is None
    for absent in ("coherence", "pronoun_gap", "fluency"):
        del measures[absent]
    folder = synthetic.write(tmp_path / "a", rows[rows["kind"] == "profession"], measures)
    page = render([folder], tmp_path / "report.html")
    assert "no gendered text" in page.text
    assert "No perplexity is comparable across the models" in page.text
    assert not page.all("svg", "scatter")
    assert "Coherence is the share" not in page.text


def test_a_model_without_perplexity_is_named_beside_the_plot(folders: list[Path], tmp_path: Path) -> None:
    without = changed(folders[1], tmp_path / "plain", perplexity=None)
    page = render([folders[0], without, folders[2]], tmp_path / "report.html")
    assert "Not shown, because something is missing: plain." in page.text
    assert len(page.all("circle", "baseline")) == len(page.all("svg", "scatter"))
    assert not [chart for chart in page.all("svg", "scatter") if "plain" in str(chart["aria-label"])]


def test_perplexities_of_other_texts_or_tokens_are_not_compared(folders: list[Path], tmp_path: Path) -> None:
    metrics = load(folders[1]).metrics
    other_text = changed(folders[1], tmp_path / "text", settings={"text_sha256": "another"})
    page = render([folders[0], other_text], tmp_path / "report.html")
    assert "No perplexity is comparable across the models" in page.text
    assert "erplexity +" not in page.text
    token = metrics["perplexity"]["token"] | {"tokens": 20000}
    other_tokens = changed(folders[1], tmp_path / "tokens", perplexity=metrics["perplexity"] | {"token": token})
    page = render([folders[0], other_tokens], tmp_path / "report.html")
    assert "perplexity per word" in page.text
    assert "perplexity +38.4 %" in page.text


def test_a_silent_model_is_not_called_fair(tmp_path: Path) -> None:
    rows = synthetic.generations(synthetic.LEANS).assign(continuation=" it rained.")
    folder = synthetic.write(tmp_path / "a", rows, synthetic.metrics(rows) | {"coherence": None})
    twin = changed(folder, tmp_path / "b")
    page = render([folder, twin], tmp_path / "report.html")
    assert "too few gendered texts to judge" in page.text
    assert "Parity cannot be judged" in page.text
    assert "No model has both a perplexity and a disparity or coherence" in page.text


def test_a_model_that_falls_silent_is_pointed_out(folders: list[Path], tmp_path: Path) -> None:
    rows = load(folders[2]).generations
    silent = rows["continuation"].where(rows["sample"] > 0, " it rained.")
    quiet = synthetic.write(tmp_path / "quiet", rows.assign(continuation=silent), load(folders[2]).metrics)
    report([folders[0], quiet], tmp_path / "tables.md")
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert re.search(r"gendered text given up, \d+ % to \d+ %; .*less disparity is no gain here", text)
    assert "which alone can look like fairness: polar rate 6" in text


def test_models_on_other_prompts_are_shown_without_a_test(folders: list[Path], tmp_path: Path) -> None:
    rows = synthetic.generations({"nurse": 1.0, "welder": -1.0}, prompts=4)
    other = synthetic.write(tmp_path / "other", rows, synthetic.metrics(rows, "other"))
    page = render([folders[0], other], tmp_path / "report.html")
    assert "not comparable: the prompts differ" in page.text
    assert "less disparity" not in page.text
    assert "not given this prompt" in page.text


def written(folder: Path, name: str, **sizes: int) -> Path:
    """Write the evaluation of a model on two professions."""
    rows = synthetic.generations({"nurse": 1.0, "welder": -1.0}, **sizes)
    return synthetic.write(folder / name, rows, synthetic.metrics(rows, name))


def test_the_head_says_what_each_model_was_given(tmp_path: Path) -> None:
    first = written(tmp_path, "teacher", prompts=4, samples=2)
    twin, more, longer = (
        written(tmp_path, name, **sizes)
        for name, sizes in (
            ("twin", {"prompts": 4, "samples": 2}),
            ("more", {"prompts": 5, "samples": 2}),
            ("longer", {"prompts": 4, "samples": 3}),
        )
    )
    for others, said in (
        ([], "Whom 1 model wrote about, given 8 prompts about 2 professions, 16 texts, and how well it predicts"),
        (
            [twin],
            "Whom 2 models wrote about, each given the same 8 prompts about 2 professions, 16 texts, and how well they",
        ),
        (
            [more],
            "Whom 2 models wrote about (teacher: 8 prompts about 2 professions, 16 texts; more: 10 prompts about 2 "
            "professions, 20 texts), and how well they predict real text.",
        ),
        (
            [longer],
            "(teacher: 8 prompts about 2 professions, 16 texts; longer: 8 prompts about 2 professions, 24 texts)",
        ),
    ):
        text = render([first, *others], tmp_path / "report.html").text
        assert said in text
        assert ("Each model continued the same prompts." in text) == (others in ([twin], [longer]))
        assert ("The models did not all continue the same prompts." in text) == (others == [more])
    unread = changed(twin, tmp_path / "unread", perplexity=None)
    assert "predict real text" not in render([first, unread], tmp_path / "report.html").text


@pytest.mark.parametrize(
    ("openings", "said"),
    [
        (("", ""), "None of the prompts contains a gendered word of BOLD’s lists."),
        (("As a man, ", ""), "4 of the 8 prompts contain a gendered word of BOLD’s lists."),
        (("As a man, ", "As a woman, "), "8 of the 8 prompts contain a gendered word of BOLD’s lists."),
    ],
)
def test_prompts_that_tell_a_gender_are_counted(tmp_path: Path, openings: tuple[str, str], said: str) -> None:
    rows = synthetic.generations({"nurse": 1.0, "welder": -1.0}, prompts=4, samples=2)
    opening = dict(zip(("nurse", "welder"), openings, strict=True))
    rows["prompt"] = [
        opening.get(group, "") + prompt for group, prompt in zip(rows["group"], rows["prompt"], strict=True)
    ]
    folder = synthetic.write(tmp_path / "a", rows, synthetic.metrics(rows))
    text = render([folder], tmp_path / "report.html").text
    assert "continued the same" not in text
    assert f"{said} Only the continuation is judged" in text


def test_the_prompt_is_judged_where_the_evaluation_did(tmp_path: Path) -> None:
    """The continuations speak of nobody; all gendered words are in the prompts."""
    rows = synthetic.generations(synthetic.LEANS).assign(continuation=" it rained.")
    rows["prompt"] += [" she" if number % 3 else " he" for number in range(len(rows))]
    rows["prompt_id"] = rows["prompt"]
    measured = synthetic.metrics(rows)
    counted = measured["settings"] | {"include_prompt": True}
    scores = {"unigram": rescore(rows, include_prompt=True)}
    first = synthetic.write(tmp_path / "a", rows, measured | {"settings": counted, "disparity": scores})
    page = render([first, changed(first, tmp_path / "b")], tmp_path / "report.html")
    assert "The same weights as teacher (a); no clear difference in disparity" in page.text
    assert "The words of the prompt are judged along with those of the continuation" in page.text
    assert "Only the continuation is judged" not in page.text
    assert re.search(r"teacher \(a\) (fe)?male it rained", page.text)
    other = changed(first, tmp_path / "c", settings=counted | {"include_prompt": False})
    page = render([first, other], tmp_path / "report.html")
    assert "not comparable: include_prompt is True in one, False in the other" in page.text
    assert "differs from model to model" in page.text


def test_the_table_is_markdown_with_a_ratio_never_alone(folders: list[Path]) -> None:
    evaluations = [load(folder) for folder in folders]
    lines = table(single_runs(evaluations)).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split("|")[2:5] == [
        cell.ljust(len(old))
        for cell, old in zip((" teacher", " plain", " counterfactual"), lines[0].split("|")[2:5], strict=True)
    ]
    names = [line.split("|")[1].strip() for line in lines[2:]]
    assert names == [
        "Parameters", "Perplexity", "Perplexity per word", "Gendered NLL", "Disparity", "Parity", "Log-odds",
        "Mean absolute error", "Mean ratio", "Difference", "Polar rate", "Min ratio", "Mean ratio, with zeros",
        "Min ratio, with zeros",
        "Coherence", "Fluency NLL", "Distinct bigrams", "Pronoun gap",
    ]  # fmt: skip
    ratio = next(line for line in lines if "Mean ratio" in line)
    assert ratio.count("fair: ") == ratio.count("at least ") == 3


def test_models_of_one_name_are_told_apart_by_their_folder(folders: list[Path]) -> None:
    first, second = (load(folder) for folder in folders[:2])
    twin = Evaluation(second.path, second.metrics | {"model": first.metrics["model"]}, second.generations)
    assert "| teacher (teacher) " in table(single_runs([first, twin]))
    assert "| teacher (plain) " in table(single_runs([first, twin]))


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("runs/a/evaluation", "runs/b/evaluation"), ("a/evaluation", "b/evaluation")),
        (("x/teacher", "x/plain"), ("teacher", "plain")),
        (("evaluation", "runs/evaluation"), (None, "runs/evaluation")),
        (("one", "one"), ("one", "one")),
    ],
)
def test_no_two_folders_share_a_title(tmp_path: Path, paths: tuple[str, ...], expected: tuple[str | None, ...]) -> None:
    named = {"model": {"name": "gpt2"}}
    found = titles([Evaluation(tmp_path / path, named, pd.DataFrame()) for path in paths])
    ends = [end or str(Path(tmp_path.name) / "evaluation") for end in expected]
    assert found == [f"gpt2 ({end})" for end in ends]


def test_figures_of_other_yardsticks_are_not_comparable(folders: list[Path], tmp_path: Path) -> None:
    settings = load(folders[0]).metrics["settings"]
    sources = [
        changed(folder, tmp_path / folder.name, settings=settings | {"reference_sha256": digest})
        for folder, digest in zip(folders, ("ab", "ab", "cd"), strict=True)
    ]
    gap = {"mean_abs_log_odds": 1.0, "ci95": None, "groups": {"smith": 1.0}}
    sources[1] = changed(sources[1], tmp_path / "other", pronoun_gap=gap)
    lines = {
        line.split("|")[1].strip(): line.split("|")[2:5]
        for line in table(single_runs(list(map(load, sources)))).splitlines()
    }
    marked_cells = {
        name: [number for number, cell in enumerate(cells) if "not comparable with teacher" in cell]
        for name, cells in lines.items()
    }
    assert {name: numbers for name, numbers in marked_cells.items() if numbers} == {
        "Fluency NLL": [2],
        "Pronoun gap": [1],
    }
    assert "not comparable with teacher" in render(sources, tmp_path / "report.html").text


def test_a_report_is_bounded(tmp_path: Path) -> None:
    rows = synthetic.generations(dict.fromkeys(map(str, range(120)), 0.0), prompts=10, samples=6)
    rows["continuation"] += "x" * 5000
    folder = synthetic.write(tmp_path / "a", rows, synthetic.metrics(rows))
    page = render([folder, changed(folder, tmp_path / "b")], tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 6e6
    assert re.search(r"3,\d\d\d of 7,200 samples are here, drawn at random", page.text)


def test_samples_are_drawn_evenly_and_the_same_each_time() -> None:
    frames = [label_generations(synthetic.generations(synthetic.LEANS, seed=seed)) for seed in (1, 2)]
    chosen, total = samples(frames, max_characters=20_000)
    assert total == 450
    assert 50 < len(chosen) < 150
    counts = pd.Series([sample.group for sample in chosen]).value_counts()
    assert counts.max() - counts.min() <= 1
    again = samples(frames[::-1], max_characters=20_000)[0]
    assert [(sample.group, sample.prompt, sample.texts[::-1]) for sample in again] == [
        (sample.group, sample.prompt, sample.texts) for sample in chosen
    ]
    gendered = [any(text and text[1] != "neutral" for text in sample.texts) for sample in chosen]
    assert gendered == sorted(gendered, reverse=True)


def test_words_that_decide_are_marked_and_long_texts_cut() -> None:
    assert marked("<b> she & him") == (
        '&lt;b&gt; <mark class="female" title="female">she</mark> &amp; <mark class="male" title="male">him</mark>'
    )
    cut = marked("she " * MAX_TEXT_LENGTH)
    assert cut.count("<mark") == MAX_TEXT_LENGTH // 4
    assert cut.endswith("…")


@pytest.mark.parametrize(("texts", "low"), [(1, 0.0), (6, 1 / 6), (20, 0.3), (100, 0.4), (10000, 0.4902)])
def test_fair_range_is_binomial(texts: int, low: float) -> None:
    assert fair_share(texts) == pytest.approx((low, 1 - low), abs=1e-4)


def test_ticks_are_round() -> None:
    assert ticks(23.1, 33.4) == [25, 30]
    assert ticks(0.98, 1.13) == [1.0, 1.05, 1.1]


def test_output_is_replaced_whole_and_its_folder_made(folders: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "new" / "report.html"
    report(folders[:1], output)
    first = output.read_text(encoding="utf-8")
    report(folders[:1], output)
    assert output.read_text(encoding="utf-8") == first
    assert list(output.parent.iterdir()) == [output]


def test_mistakes_are_told(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one folder"):
        report([], tmp_path / "report.html")
    with pytest.raises(UserError, match="given twice"):
        report([folders[0], folders[1], folders[0].parent / "." / folders[0].name], tmp_path / "report.html")
    with pytest.raises(UserError, match=r"cannot write a report as \.docx"):
        report(folders, tmp_path / "report.docx")
    with pytest.raises(UserError, match="no finished evaluation"):
        report([tmp_path], tmp_path / "report.html")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file, not a folder"):
        report(folders, tmp_path / "file" / "report.html")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "metrics.json").unlink(), "metrics.json is missing"),
        (lambda folder: (folder / "metrics.json").write_text('{"schema": 1,'), "metrics.json: not JSON"),
        (lambda folder: (folder / "metrics.json").write_text('{"schema": 0}'), "metrics.json: has schema 0"),
        (lambda folder: (folder / "generations.parquet").unlink(), "generations.parquet is missing"),
        (lambda folder: os.truncate(folder / "generations.parquet", 3000), "generations.parquet: truncated or corrupt"),
        (lambda folder: shutil.rmtree(folder), "there is no such folder"),
    ],
)
@pytest.mark.parametrize("output", ["report.html", "tables.md", "paper"])
def test_a_damaged_evaluation_is_one_line_and_nothing_is_written(
    folders: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], object],
    reason: str,
    output: str,
) -> None:
    damaged = Path(shutil.copytree(folders[1], tmp_path / "damaged"))
    damage(damaged)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("an older one")
    with pytest.raises(SystemExit) as caught:
        main(["report", str(folders[0]), str(damaged), f"--output={tmp_path / 'out' / output}"])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("distill report: error: ")
    assert reason in error
    assert error.count("\n") == 1
    assert [(file.name, file.read_text()) for file in (tmp_path / "out").iterdir()] == [("report.html", "an older one")]


def test_a_full_disk_leaves_the_older_report(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.html").write_text("an older one")

    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SystemExit) as caught:
        main(["report", str(folders[0]), f"--output={tmp_path / 'report.html'}"])
    assert caught.value.code == 1
    assert re.fullmatch(r"distill report: failed: .*No space left on device.*\n", capsys.readouterr().err)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("report.html", "an older one")]


def test_a_folder_gets_everything(folders: list[Path], tmp_path: Path) -> None:
    report(folders, tmp_path / "paper")
    charts = [f"{name}.{kind}" for name in ("shares", "trade-off") for kind in ("pdf", "png", "svg")]
    assert sorted(file.name for file in (tmp_path / "paper").iterdir()) == sorted(
        ["report.html", "tables.md", "tables.tex", *charts]
    )
    first = {file.name: file.read_bytes() for file in (tmp_path / "paper").iterdir()}
    assert first["shares.png"].startswith(b"\x89PNG")
    assert first["shares.pdf"].startswith(b"%PDF")
    assert b"<svg" in first["trade-off.svg"]
    # The same each time, byte for byte, and over what is there.
    report(folders, tmp_path / "paper")
    assert {file.name: file.read_bytes() for file in (tmp_path / "paper").iterdir()} == first


def test_without_a_shared_perplexity_there_is_no_trade_off(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report([changed(folders[0], tmp_path / "a", perplexity=None)], tmp_path / "paper")
    assert not list((tmp_path / "paper").glob("trade-off.*"))
    assert capsys.readouterr().out.endswith("no trade-off chart: no perplexity is comparable across the models\n")
    assert list((tmp_path / "paper").glob("shares.*"))


def test_measures_of_which_nothing_is_known_are_shown(folders: list[Path], tmp_path: Path) -> None:
    metrics = load(folders[0]).metrics
    more = {
        "disparity": metrics["disparity"] | {"gender_max": metrics["disparity"]["unigram"] | {"median_ratio": 0.33}},
        "perplexity": metrics["perplexity"]
        | {"token_strided": {"value": 20.5, "ci95": [20.0, 21.0]}, "byte": {"value": 1.9}},
        "ceat": {"weat6": {"effect_size": 0.314159, "p": 0.002, "left_out": []}, "weat7": None},
        "pairs": {"crows.csv": {"n": 262, "summed": {"share": 0.61, "ci95": [0.5, 0.7]}, "per_token": None}},
        "a_new_one": 7,
        "another": {"of": {"depth": 0.314159, "ci95": [0.1, 0.5], "n": 1000, "words": []}, "groups": {"x": 1}},
    }
    page = render([changed(folders[0], tmp_path / "a", **more), folders[1]], tmp_path / "report.html")
    for words in (
        "Mean ratio, gender max", "Median ratio, gender max", "The same chart by gender max polarity",
        "Perplexity, overlapping 20.50 20.00 to 21.00", "Perplexity, byte 1.90",
        "CEAT, weat6 +0.31 p = 0.002", "Pairs summed, crows.csv 61.0 % 50.0 % to 70.0 %; 262 pairs", "A new one 7",
        "Another · of 0.314 0.1 to 0.5; n 1,000",
    ):  # fmt: skip
        assert words in page.text
    assert "weat7" not in page.text
    assert "per token, crows.csv" not in page.text


def test_professions_that_differ_are_marked(tmp_path: Path) -> None:
    leans = {"nurse": 2.5, "welder": -2.5, "editor": 0.0}
    folders = []
    for name, bias in (("teacher", 1.0), ("student", 0.0)):
        biased = {group: bias * lean for group, lean in leans.items()}
        rows = synthetic.generations(biased, polar=0.9, samples=30, seed=len(name))
        folders.append(synthetic.write(tmp_path / name, rows, synthetic.metrics(rows, name)))
    page = render(folders, tmp_path / "report.html")
    differ = [label for svg in page.all("svg", "bar") if "differs from the baseline" in (label := svg["aria-label"])]
    assert [label.split(":")[0] for label in differ] == ["nurse, student", "welder, student"]
    assert all(re.search("p [<=] 0.0[0-9]+ after Holm, Cohen’s h [+−][0-9.]+", label) for label in differ)
    assert "Taken one by one, 2 of 3 groups differ (Holm)." in page.text
    report(folders, tmp_path / "tables.md")
    rows = (tmp_path / "tables.md").read_text(encoding="utf-8").splitlines()
    assert [row.split("|")[1].strip() for row in rows if r"\*" in row] == ["nurse", "welder"]


def test_a_broken_model_and_few_texts_are_pointed_out(folders: list[Path], tmp_path: Path) -> None:
    metrics = load(folders[2]).metrics
    token = metrics["perplexity"]["token"] | {"value": 200.0}
    scores = metrics["disparity"]["unigram"] | {"parity": None}
    broken = changed(folders[2], tmp_path / "broken", perplexity={"token": token}, disparity={"unigram": scores})
    report([folders[0], broken], tmp_path / "tables.md")
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert "real text predicted far worse; less disparity is no gain here: " in text
    assert "a model that writes badly can look fair" in text
    text = render([broken], tmp_path / "report.html").text
    assert "Has too few gendered texts to judge" in text
    assert "Parity cannot be judged" in text


def test_the_short_table_holds_the_main_polarity_alone(folders: list[Path], tmp_path: Path) -> None:
    disparity = load(folders[0]).metrics["disparity"]
    other = changed(folders[0], tmp_path / "a", disparity=disparity | {"gender_max": disparity["unigram"]})
    assert "gender max" not in table(single_runs([load(other)]))
    report([other], tmp_path / "tables.md")
    assert "Mean ratio, gender max" in (tmp_path / "tables.md").read_text(encoding="utf-8")


def test_too_few_prompts_to_tell_professions_apart_is_said(tmp_path: Path) -> None:
    folders = []
    for name, lean in (("teacher", 3.0), ("student", -3.0)):
        rows = synthetic.generations(dict.fromkeys("abc", lean), polar=0.9, prompts=4, samples=30, seed=len(name))
        folders.append(synthetic.write(tmp_path / name, rows, synthetic.metrics(rows, name)))
    page = render(folders, tmp_path / "report.html")
    assert "Too few prompts per group to test the groups one by one." in page.text
    assert not [svg for svg in page.all("svg", "bar") if "differs from the baseline" in svg["aria-label"]]
