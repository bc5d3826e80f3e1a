"""The metadata of a student's card: what is known of its teacher and its text, and nothing that is guessed."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData
from hypothesis import example, given
from hypothesis import strategies as st

from augment.hub_ids import parse_hub_id
from distill.models.source import ModelSource
from distill.training import card_metadata as module
from distill.training.card_metadata import card_metadata
from tests.fits import fit

HUB = ModelSource("some/teacher", None)


def folder_with(folder: Path, metadata: str, body: str = "# A model\n") -> ModelSource:
    folder.mkdir()
    (folder / "README.md").write_text(f"---\n{metadata}\n---\n{body}", encoding="utf-8")
    return ModelSource(str(folder), folder)


def parsed(*arguments) -> dict:
    return yaml.safe_load(card_metadata(*arguments))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(module, "get_session", lambda: SimpleNamespace(get=refuse))


def test_the_teachers_licence_and_its_base_are_passed_on(tmp_path):
    teacher = folder_with(tmp_path / "teacher", "license: mit\nbase_model: openai-community/gpt2\ntags: [a]")
    known = parsed([teacher], ["Salesforce/wikitext:wikitext-2-raw-v1:train[:1%]", str(tmp_path)], ["fairness"])
    assert known == {
        "base_model": "openai-community/gpt2",
        "datasets": ["Salesforce/wikitext"],
        "language": "en",
        "library_name": "transformers",
        "license": "mit",
        "pipeline_tag": "text-generation",
        "tags": ["fairness"],
    }


def test_nothing_is_stated_that_is_not_known(tmp_path):
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    text = tmp_path / "text.jsonl"
    text.touch()
    known = parsed([ModelSource(str(teacher), teacher)], [str(text)], [])
    assert known.keys() == {"language", "library_name", "pipeline_tag"}
    assert parsed([], [], []) == known


def test_another_licence_keeps_its_name_and_its_link(tmp_path):
    teacher = folder_with(tmp_path / "a", "license: other\nlicense_name: custom\nlicense_link: https://example.com")
    known = parsed([teacher], [], [])
    assert (known["license"], known["license_name"], known["license_link"]) == (
        "other", "custom", "https://example.com",
    )  # fmt: skip


@pytest.mark.parametrize(("other", "licence"), [("mit", "mit"), ("apache-2.0", None), (None, None)])
def test_two_sources_must_agree_on_the_licence(tmp_path, other, licence):
    teacher = folder_with(tmp_path / "a", "license: mit\nbase_model: x/base")
    start = folder_with(tmp_path / "b", f"license: {other}\nbase_model: [x/base, y/base]" if other else "tags: []")
    known = parsed([start, teacher], [], [])
    assert known.get("license") == licence
    assert known["base_model"] == (["x/base", "y/base"] if other else "x/base")


def test_a_hub_id_is_the_base_even_if_its_card_cannot_be_reached():
    assert parsed([HUB], [], [])["base_model"] == "some/teacher"
    assert "license" not in parsed([HUB], [], [])


def test_the_card_of_a_hub_model_is_taken_from_the_cache(monkeypatch, tmp_path):
    card = tmp_path / "README.md"
    card.write_text("\ufeff---\r\nlicense: mit\r\n---\r\n# Text", encoding="utf-8")
    asked = []
    monkeypatch.setattr(module, "try_to_load_from_cache", lambda *where, **how: asked.append((where, how)) or str(card))
    assert parsed([ModelSource("some/teacher", None, revision="v2")], [], [])["license"] == "mit"
    assert asked == [(("some/teacher", "README.md"), {"revision": "v2"})]


def test_a_card_that_is_not_in_the_cache_is_asked_for_once(monkeypatch):
    requests = []

    def get(url: str, **_: object) -> SimpleNamespace:
        requests.append(url)
        answer = SimpleNamespace(text="---\nlicense: mit\n---\n")
        answer.raise_for_status = lambda: answer
        return answer

    monkeypatch.setattr(module, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr(module, "get_session", lambda: SimpleNamespace(get=get))
    assert parsed([HUB], [], [])["license"] == "mit"
    assert len(requests) == 1
    assert "/some/teacher/" in requests[0]


@pytest.mark.parametrize(
    "metadata",
    ["- a list", "license: [mit", "license: 3", "license: {a: b}", "base_model: {a: 1}", "&a [*a]", "\x00", ""],
)
def test_a_strange_card_costs_no_student(tmp_path, metadata):
    known = parsed([folder_with(tmp_path / "a", metadata)], [], [])
    assert known.keys() == {"language", "library_name", "pipeline_tag"}


@example(name="a" * 300 + "/b", texts=["a" * 300, "a" * 300 + "/b"])
@given(st.one_of(st.text(), st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}", fullmatch=True)), st.lists(st.text()))
def test_whatever_a_text_is_called_the_metadata_can_be_read(name, texts):
    data = ModelCardData(**parsed([ModelSource(name, None)], texts, []))
    assert data.language == "en"
    hub_id = parse_hub_id(name)
    assert data.base_model == (None if hub_id is None else hub_id.name)


def test_the_hub_can_read_the_card_of_a_fit(recipe, gpt2_folder, tmp_path):
    card = gpt2_folder / "README.md"
    card.write_text("---\nlicense: mit\nbase_model: openai-community/gpt2\n---\n")
    try:
        fit(recipe, tmp_path, "--trainer.max_steps=1", "--trainer.limit_val_batches=0")
    finally:
        card.unlink()
    data = ModelCard.load(tmp_path / "student/README.md").data
    assert (data.license, data.base_model, data.datasets) == ("mit", "openai-community/gpt2", None)
    assert data.tags == ["knowledge-distillation", "counterfactual-role-reversal", "fairness"]
    assert data.language == "en"
