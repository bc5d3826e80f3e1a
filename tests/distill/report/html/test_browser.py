"""The page in a browser: by mouse and keyboard, on a phone, in print, and with hostile data."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from distill.report.command import report
from tests import synthetic_evaluations as synthetic
from tests.distill.report import hostile
from tests.distill.report.html.browser import PHONE, Tab, chromium, executable

pytestmark = pytest.mark.skipif(
    executable() is None, reason="needs Chromium: apt-get install chromium (Debian), as .ci/run does"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    opened = Tab(browser)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    output = folder / "report.html"
    report(synthetic.quickstart(folder), output)
    return output


@pytest.fixture
def calls() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and the requests that it got."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def hostile_evaluations(folder: Path, url: str) -> list[Path]:
    """Two evaluations of the same model name; every name and text in them is an attack."""
    attacks = hostile.attacks(url)
    rows = synthetic.generations(dict.fromkeys(attacks, 0.5), prompts=2, samples=2)
    about = rows["kind"] == "profession"
    for column in ("prompt", "prompt_id", "model"):
        rows.loc[about, column] = rows.loc[about, column] + rows.loc[about, "group"]
    rows["continuation"] = [
        f" she {attack} her" if index % 2 else attack
        for index, attack in zip(rows.index, attacks * len(rows), strict=False)
    ]
    everything = " ".join(attacks)
    measures = synthetic.metrics(rows, everything)
    measures["settings"] |= {everything: everything, "prompts": everything, "text": attacks}
    measures["fluency"]["reference"] = everything
    measures["disparity"][everything] = measures["disparity"]["unigram"] | {everything: 1.0}
    measures["perplexity"][everything] = measures["perplexity"]["token"]
    measures[everything] = {everything: {"value": 1.0, everything: 2.0, "ci95": [0.0, 1.0]}}
    # No slash may stand in a file's name.
    names = ["<img src=x onerror=pwned=1>", "'\"><script>pwned=1<\\script>\\input{x}"]
    return [synthetic.write(folder / name, rows, measures) for name in names]


def nothing_happened(tab: Tab, file: Path, asked: list[str]) -> None:
    assert tab.run("typeof pwned") == "undefined"
    assert tab.requests == [file.resolve().as_uri()]
    assert asked == []
    assert tab.events == []


def test_hostile_evaluations_run_nothing_and_load_nothing(
    tab: Tab, tmp_path: Path, calls: tuple[str, list[str]]
) -> None:
    url, asked = calls
    folders = hostile_evaluations(tmp_path, url)
    report(folders, tmp_path / "out")
    file = tmp_path / "out" / "report.html"
    tab.open(file)
    tab.run("document.querySelectorAll('details').forEach(part => part.open = true)")
    samples = tab.run("JSON.parse(document.querySelector('.data').textContent).samples.length")
    seen = ""
    for _ in range(samples // 10 + 1):
        seen += tab.run("document.querySelector('.list').innerText")
        tab.run("document.querySelector('.on').click()")
    for attack in hostile.attacks(url)[:9]:
        assert attack in seen
    for choice in ("about", "polarity", "model"):
        for index in range(tab.run(f"document.forms[0].{choice}.length")):
            tab.run(
                f"document.forms[0].{choice}.selectedIndex = {index};"
                "document.forms[0].dispatchEvent(new Event('input'))"
            )
    tab.run("document.querySelectorAll('a[data-group]').forEach(link => link.click())")
    tab.run("document.querySelectorAll('*').forEach(part => part.dispatchEvent(new MouseEvent('mouseover')))")
    for element in ("img", "iframe", "link", "base", "image", "object", "embed"):
        assert tab.run(f"document.querySelectorAll('{element}').length") == 0
    attributes = "[...document.querySelectorAll('*')].flatMap(part => part.getAttributeNames())"
    assert tab.run(f"{attributes}.filter(name => name.startsWith('on') || name === 'style')") == []
    assert tab.run("document.title").count("\u202e") == 0
    nothing_happened(tab, file, asked)
    for drawing in sorted((tmp_path / "out").glob("*.svg")):
        tab.open(drawing)
        assert tab.run("document.querySelectorAll('script, image, foreignObject').length") == 0
        nothing_happened(tab, drawing, asked)


def test_the_attacks_are_real(tab: Tab, tmp_path: Path, calls: tuple[str, list[str]]) -> None:
    """On an unprotected page they do run and load: otherwise the test above could not fail."""
    url, asked = calls
    attacks = [attack for attack in hostile.attacks(url) if "refresh" not in attack]
    (tmp_path / "open.html").write_text(f"<!doctype html><title></title>{''.join(attacks)}", encoding="utf-8")
    tab.open(tmp_path / "open.html")
    assert tab.run("pwned") == 1
    assert {"/script", "/image", "/vector", "/frame"} <= set(asked)


def test_the_policy_would_stop_what_slipped_through(tab: Tab, page: Path, calls: tuple[str, list[str]]) -> None:
    url, asked = calls
    tab.open(page)
    slips = (
        "document.body.insertAdjacentHTML('beforeend', '<img src=URL/i onerror=pwned=1><iframe src=URL/f></iframe>"
        "<link rel=stylesheet href=URL/l><p style=color:red onclick=pwned=1>')",
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'pwned = 1'}))",
        "document.body.append(Object.assign(document.createElement('script'), {src: 'URL/s'}))",
        "fetch('URL/x').catch(() => 0)",
        "document.querySelector('body > p').click()",
        "new Promise(done => setTimeout(done, 200)).then(() => 0)",
    )
    for slip in slips:
        tab.run(slip.replace("URL", url))
    assert tab.run("typeof pwned") == "undefined"
    assert asked == []
    assert sum("Content Security Policy" in event for event in tab.events) >= 5


def test_the_browser_of_samples_by_keyboard(tab: Tab, page: Path) -> None:
    tab.open(page)
    shown = "document.querySelector('.filter output').textContent"
    assert tab.run(shown) == "1 to 10 of 450 samples"
    tab.run("document.forms[0].about.focus()")
    tab.press("ArrowDown")
    assert tab.run("document.forms[0].about.selectedOptions[0].text") == "nurse"
    assert tab.run(shown) == "1 to 10 of 50 samples"
    assert tab.run("[...document.querySelectorAll('.prompt span')].every(part => part.innerText === 'nurse')")
    tab.press("Tab")
    tab.press("ArrowDown")
    assert tab.run("document.activeElement.selectedOptions[0].text") == "female"
    females = tab.run(shown)
    tab.press("Tab")
    tab.press("ArrowDown")
    assert tab.run("document.activeElement.selectedOptions[0].text") == "teacher"
    assert tab.run(shown) != females
    visible = "[...document.querySelectorAll('.list .text')].filter(part => part.offsetParent)"
    assert tab.run(f"{visible}.every(part => part.querySelector('h3').textContent === 'teacher female')")
    assert tab.run(f"{visible}.every(part => part.querySelector('mark.female'))")
    while tab.run("document.activeElement.className") != "on":
        tab.press("Tab")
    tab.press("Enter")
    assert tab.run(shown).startswith("11 to 20 of ")
    tab.press("Enter")
    assert tab.run(shown).startswith("21 to ")
    # At the end the focus goes to the button that still leads somewhere.
    assert tab.run("document.activeElement.className") == "back"


def test_a_profession_in_the_chart_leads_to_its_texts(tab: Tab, page: Path) -> None:
    tab.open(page)
    tab.run("[...document.querySelectorAll('a[data-group]')].find(link => link.innerText === 'pilot').click()")
    assert tab.run("document.querySelector('.filter output').textContent") == "1 to 10 of 50 samples"
    assert tab.run("document.querySelector('.prompt span').innerText") == "pilot"


def shown(tab: Tab) -> str:
    return str(tab.run("document.querySelector('.filter output').textContent"))


def choose(tab: Tab, **fields: str) -> str:
    """Fill in fields of the filter, and read how many samples it finds."""
    for name, value in fields.items():
        field = tab.page.locator(f".filter [name={name}]")
        if name == "find":
            field.fill(value)
        elif name == "differ":
            field.set_checked(value == "yes")
        else:
            field.select_option(label=value)
    return shown(tab)


def test_a_profession_in_the_chart_leads_to_all_of_its_texts_whatever_was_chosen(tab: Tab, page: Path) -> None:
    tab.open(page)
    choose(tab, polarity="male", model="plain", find="road", differ="yes")
    tab.run("[...document.querySelectorAll('a[data-group]')].find(link => link.innerText === 'pilot').click()")
    assert shown(tab) == "1 to 10 of 50 samples"


def test_texts_are_searched(tab: Tab, page: Path) -> None:
    tab.open(page)
    assert choose(tab, find="no such text") == "0 samples"
    assert tab.run("document.querySelector('.empty').offsetParent !== null")
    every = choose(tab, find="LETTER FOR WHICH")
    assert "of" in every
    one = choose(tab, model="teacher")
    assert one != every
    texts = (
        "[...document.querySelectorAll('.list .text')].filter(part => part.offsetParent).map(part => part.innerText)"
    )
    assert all("letter for which" in text for text in tab.run(texts))
    # A text that is found across the end of a marked word: “her | sister”.
    assert choose(tab, find="her sister was") == one
    tab.page.locator(".filter [type=reset]").click()
    tab.page.wait_for_function("document.querySelector('.filter output').textContent.endsWith('450 samples')")


def test_only_samples_that_the_models_label_differently(tab: Tab, page: Path) -> None:
    tab.open(page)
    every, differing = choose(tab), choose(tab, differ="yes")
    assert int(differing.split()[-2]) < int(every.split()[-2])
    labels = (
        "[...document.querySelectorAll('.list .sample')].map(sample => "
        "[...sample.querySelectorAll('.text h3 span')].map(part => part.textContent))"
    )
    assert all(len(set(of_sample)) > 1 for of_sample in tab.run(labels))


def test_openings_that_tell_a_gender_can_be_read(tab: Tab, page: Path) -> None:
    tab.open(page)
    assert choose(tab, about="all of them") == "2 samples"
    assert set(tab.run("[...document.querySelectorAll('.prompt span')].map(part => part.textContent)")) == {
        "opening about a woman",
        "opening about a man",
    }
    assert choose(tab, about="opening about a woman") == "1 sample"
    labels = tab.run("[...document.querySelectorAll('.text h3 span')].map(part => part.textContent)")
    assert set(labels) == {"female, keeps the opening’s gender"}


def test_a_choice_has_an_address(browser: Browser, tab: Tab, page: Path) -> None:
    tab.open(page)
    choose(tab, about="chef", polarity="male", model="counterfactual", find="his shoes & road", differ="yes")
    choose(tab, find="he")
    address = tab.run("location.href")
    assert tab.run("document.querySelector('.here').href") == address
    tab.run("document.querySelector('.on').click()")
    found, further = shown(tab), tab.run("location.href")
    assert found.startswith("11 to ")
    assert further == f"{address}&page=2"
    with closing(Tab(browser)) as another:
        another.page.goto(further)
        assert shown(another) == found
        fields = "['about', 'polarity', 'model'].map(name => document.forms[0][name].selectedOptions[0].text)"
        assert another.run(fields) == ["chef", "male", "counterfactual"]
        assert another.run("document.forms[0].find.value") == "he"
        assert another.run("document.forms[0].differ.checked")
        assert another.run("document.querySelector('#samples').getBoundingClientRect().top") < 100
        # What the address names may be gone from a newer report.
        another.page.goto(f"{page.resolve().as_uri()}#samples&about=nobody&page=999&speaks=x&model=y")
        another.page.reload()
        assert shown(another) == "441 to 450 of 450 samples"


def test_what_the_script_shows_is_what_the_page_held(browser: Browser, tab: Tab, page: Path) -> None:
    first = "document.querySelector('.list').innerHTML"
    tab.open(page)
    with closing(Tab(browser, java_script_enabled=False)) as without:
        without.open(page)
        assert without.run(first) == tab.run(first)
        assert without.run("document.querySelector('.filter').offsetParent === null")
        assert "Scripts are off" in without.run("document.querySelector('main').innerText")


def test_many_texts_make_no_large_page(tab: Tab, tmp_path: Path) -> None:
    rows = synthetic.generations(synthetic.LEANS, prompts=10, samples=60)
    rows["continuation"] = rows["continuation"] + " and so on" * 40
    folder = synthetic.write(tmp_path / "a", rows, synthetic.metrics(rows))
    twin = shutil.copytree(folder, tmp_path / "b")
    report([folder, twin], tmp_path / "report.html")
    tab.open(tmp_path / "report.html")
    assert tab.run("document.querySelectorAll('*').length") < 1500
    data = "JSON.parse(document.querySelector('.data').textContent)"
    held = tab.run(f"(data => data.samples.filter(([group]) => group < data.professions).length)({data})")
    assert 3000 < held < 5400
    assert f"{held:,} of 5,400 samples are here, drawn at random" in tab.run("document.body.innerText")


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_sticks_out_on_a_phone(browser: Browser, tmp_path: Path, dark: bool) -> None:
    folders = synthetic.quickstart(tmp_path)
    measures = json.loads((folders[1] / "metrics.json").read_text(encoding="utf-8"))
    measures["model"]["name"] = "organisation/a-name-that-is-as-long-as-names-of-models-are-wont-to-be-v2.1"
    (folders[1] / "metrics.json").write_text(json.dumps(measures), encoding="utf-8")
    report(folders, tmp_path / "report.html")
    scheme = "dark" if dark else "light"
    with closing(Tab(browser, viewport=PHONE, is_mobile=True, color_scheme=scheme)) as phone:
        phone.open(tmp_path / "report.html")
        assert phone.run("document.documentElement.scrollWidth") == 390


def test_a_screen_reader_is_told_what_is_seen(tab: Tab, page: Path) -> None:
    tab.open(page)
    tab.run("document.querySelectorAll('details:not(.term)').forEach(part => part.open = true)")
    told = tab.accessible()
    for role, name in (
        ("heading", "Disparity and its price"),
        ("heading", "What it costs"),
        ("columnheader", "counterfactual"),
        ("rowheader", "Mean ratio"),
        ("combobox", "Prompts about"),
        ("combobox", "Texts speak of"),
        ("combobox", "Model"),
        ("searchbox", "Containing"),
        ("checkbox", "Only where the models differ"),
        ("button", "More →"),
        ("navigation", "More samples"),
    ):
        assert any(r == role and n.startswith(name) for r, n in told), (role, name)
    pictures = [name for role, name in told if role == "image"]
    assert len(pictures) == tab.run("document.querySelectorAll('svg').length") > 3 * 9
    assert all(pictures)


def test_headings_are_in_order(tab: Tab, page: Path) -> None:
    tab.open(page)
    levels = tab.run("[...document.querySelectorAll('h1, h2, h3, h4')].map(part => Number(part.tagName[1]))")
    assert levels[:3] == [1, 2, 3]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_what_a_figure_means_is_reached_by_keyboard(tab: Tab, page: Path) -> None:
    tab.open(page)
    assert tab.run("document.querySelectorAll('abbr').length") == 0
    tab.page.locator("summary", has_text=re.compile(r"^All \d+ figures")).press("Enter")
    term = tab.page.locator(".term", has_text="Mean ratio").first
    assert not term.locator(".meaning").is_visible()
    term.locator("summary").press("Enter")
    assert term.locator(".meaning").is_visible()
    assert "whichever is below 1" in term.locator(".meaning").inner_text()


def test_no_word_is_broken_on_a_phone(browser: Browser, page: Path) -> None:
    with closing(Tab(browser, viewport=PHONE, is_mobile=True)) as phone:
        phone.open(page)
        phone.run("document.querySelectorAll('details').forEach(part => part.open = true)")
        broken = phone.run(
            """[...document.querySelectorAll('th, h2, h3, dt, dd, summary')].flatMap(part => {
                const words = document.createTreeWalker(part, NodeFilter.SHOW_TEXT), found = [];
                while (words.nextNode()) {
                    for (const match of words.currentNode.data.matchAll(/[A-Za-z]+/g)) {
                        const range = document.createRange();
                        range.setStart(words.currentNode, match.index);
                        range.setEnd(words.currentNode, match.index + match[0].length);
                        const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
                        if (lines.size > 1 && match[0].length < 30) found.push(match[0]);
                    }
                }
                return found;
            })"""
        )
        assert broken == []


def test_what_is_folded_up_is_printed(tab: Tab, page: Path) -> None:
    tab.open(page)
    seen = "document.querySelector('table.summary tbody td').checkVisibility()"
    meaning = "document.querySelector('.meaning').getClientRects().length"
    assert not tab.run(seen)
    tab.page.emulate_media(media="print")
    assert tab.run(seen)
    assert tab.run("document.querySelector('.verdict .detail').getBoundingClientRect().height") > 0
    # Each meaning is printed once, in the list below the table.
    assert tab.run(meaning) == 0


def test_it_prints(tab: Tab, page: Path, tmp_path: Path) -> None:
    tab.open(page)
    tab.page.pdf(path=tmp_path / "report.pdf", format="A4", print_background=True)
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert 2 <= content.count(b"/Type /Page\n") <= 8
