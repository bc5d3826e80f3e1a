from pathlib import Path

import pytest

from augment.hub_ids import HubId, parse_hub_id


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("gpt2", ("gpt2",)),
        ("Qwen/Qwen2.5-0.5B", ("Qwen/Qwen2.5-0.5B",)),
        ("AmazonScience/bold:test", ("AmazonScience/bold", None, "test")),
        ("Skylion007/openwebtext:train[:1%]", ("Skylion007/openwebtext", None, "train[:1%]")),
        ("Salesforce/wikitext:wikitext-2-raw-v1:test", ("Salesforce/wikitext", "wikitext-2-raw-v1", "test")),
        ("owner/set.json:train", ("owner/set.json", None, "train")),
        ("here/set:train", ("here/set", None, "train")),
        ("here/set:of-all", ("here/set", "of-all", None)),
    ],
)
def test_ids_with_configuration_and_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, parts: tuple[str | None, ...]
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_hub_id(source) == HubId(*parts)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "./a",
        "../a",
        "/a",
        "~/a",
        "a/",
        "a/b/c",
        "some where",
        "-a",
        "a:b:c:d",
        "a.JSON",
        "a/b.gguf",
        "here/a",
        "here/a.txt:train",
    ],
)
def test_what_can_only_be_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_hub_id(source) is None
