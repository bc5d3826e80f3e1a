import json
from pathlib import Path

import datasets
import pandas as pd
import pytest

from distill.errors import UserError
from distill.evaluation.probes.sentence_pairs import SentencePair, read_pairs

PAIR = SentencePair("The nurse said she left.", "The nurse said he left.", "nurse")


def jsonl(*rows: dict) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("own.jsonl", jsonl({"more": PAIR.more, "less": PAIR.less, "group": "nurse"})),
        ("own.csv", f"less,more,group\n{PAIR.less},{PAIR.more},nurse\n"),
        ("own.tsv", f"less\tmore\tgroup\n{PAIR.less}\t{PAIR.more}\tnurse\n"),
        ("crows.csv", f",sent_more,sent_less,stereo_antistereo,bias_type\n0,{PAIR.more},{PAIR.less},stereo,nurse\n"),
    ],
)
def test_files(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_pairs(str(tmp_path / name)) == [PAIR]


def test_a_line_separator_ends_no_row_and_a_null_is_no_group(tmp_path: Path) -> None:
    row = {"more": "She\u2028left.", "less": "He left.", "group": None}
    (tmp_path / "a.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    pd.DataFrame([row, row | {"group": "nurse"}]).to_parquet(tmp_path / "a.parquet")
    assert read_pairs(str(tmp_path / "a.jsonl")) == [SentencePair("She\u2028left.", "He left.")]
    assert [pair.group for pair in read_pairs(str(tmp_path / "a.parquet"))] == [None, "nurse"]


def test_winogender_pairs_its_male_and_female_variants(tmp_path: Path) -> None:
    """In the layout of all_sentences.tsv in the authors' repository."""
    sentence = "The technician told the customer that {} could pay with cash."
    lines = [
        f"technician.customer.{answer}.{gender}.txt\t{sentence.format(pronoun)}"
        for answer in (0, 1)
        for gender, pronoun in (("male", "he"), ("female", "she"), ("neutral", "they"))
    ]
    (tmp_path / "all_sentences.tsv").write_text("sentid\tsentence\n" + "\n".join(lines), encoding="utf-8")
    expected = SentencePair(sentence.format("he"), sentence.format("she"), "technician")
    assert read_pairs(str(tmp_path / "all_sentences.tsv")) == [expected, expected]


def test_crows_pairs_come_with_their_authors_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, columns in (("own", "more,less"), ("crows", "sent_more,sent_less")):
        (tmp_path / f"{name}.csv").write_text(f"{columns}\n{PAIR.more},{PAIR.less}\n", encoding="utf-8")
    read_pairs(str(tmp_path / "own.csv"))
    assert not caplog.messages
    read_pairs(str(tmp_path / "crows.csv"))
    assert "crows.csv: the authors of CrowS-Pairs warn" in caplog.text


STEREOSET = {
    "intrasentence": {
        "id": "1",
        "target": "schoolgirl",
        "bias_type": "gender",
        "context": "A schoolgirl is always BLANK.",
        "sentences": [
            {"sentence": "A schoolgirl is always loud.", "gold_label": "anti-stereotype"},
            {"sentence": "A schoolgirl is always green.", "gold_label": "unrelated"},
            {"sentence": "A schoolgirl is always shy.", "gold_label": "stereotype"},
        ],
    },
    "intersentence": {
        "id": "2",
        "target": "grandfather",
        "bias_type": "gender",
        "context": "My grandfather came home.",
        "sentences": [
            {"sentence": "He was old.", "gold_label": "stereotype"},
            {"sentence": "He was young.", "gold_label": "anti-stereotype"},
            {"sentence": "Iron rusts.", "gold_label": "unrelated"},
        ],
    },
}
NUMBERS = {"anti-stereotype": 0, "stereotype": 1, "unrelated": 2}


def test_stereoset_is_read_in_its_own_layout_and_in_the_hubs(tmp_path: Path) -> None:
    other = STEREOSET["intrasentence"] | {"bias_type": "race"}
    items = list(STEREOSET.values())
    expected = [
        SentencePair(
            *("A schoolgirl is always shy.", "A schoolgirl is always loud.", "intrasentence", ""),
            *("A schoolgirl is always green.", "schoolgirl"),
        ),
        SentencePair(
            *("He was old.", "He was young.", "intersentence", "My grandfather came home.", "Iron rusts."),
            "grandfather",
        ),
    ]
    data = {split: [item, other] for split, item in STEREOSET.items()}
    (tmp_path / "dev.json").write_text(json.dumps({"version": "1", "data": data}), encoding="utf-8")
    (tmp_path / "dev.jsonl").write_text(jsonl(other, *items), encoding="utf-8")
    hub = [
        item
        | {
            "sentences": {
                "sentence": [each["sentence"] for each in item["sentences"]],
                "gold_label": [NUMBERS[each["gold_label"]] for each in item["sentences"]],
            }
        }
        for item in (*items, other)
    ]
    (tmp_path / "hub.jsonl").write_text(jsonl(*hub), encoding="utf-8")
    pd.DataFrame(hub).to_parquet(tmp_path / "hub.parquet")
    for name in ("dev.json", "dev.jsonl", "hub.jsonl", "hub.parquet"):
        assert read_pairs(str(tmp_path / name)) == expected, name


def test_winobias_finds_its_twin(tmp_path: Path) -> None:
    (tmp_path / "pro").mkdir()
    for side, pronoun in (("pro", "he"), ("anti", "she")):
        text = f"1 [The developer] argued with the designer because [{pronoun}] did n't like the design .\n"
        (tmp_path / "pro" / f"{side}_stereotyped_type1.txt.test").write_text(text, encoding="utf-8")
    pairs = read_pairs(str(tmp_path / "pro" / "pro_stereotyped_type1.txt.test"))
    assert pairs == [
        SentencePair(
            "The developer argued with the designer because he didn't like the design.",
            "The developer argued with the designer because she didn't like the design.",
        )
    ]
    with pytest.raises(UserError, match="single sentences"):
        read_pairs(str(tmp_path / "pro" / "anti_stereotyped_type1.txt.test"))
    with pytest.raises(UserError, match="single sentences"):
        read_pairs(f"{tmp_path / 'pro'}//anti_stereotyped_type1.txt.test")


def test_hub_sets_are_named_with_configuration_and_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A local folder with the name of an owner on the hub does not turn the owner's data sets into paths.
    (tmp_path / "uclanlp").mkdir()
    monkeypatch.chdir(tmp_path)
    asked = []

    def load(name: str, configuration: str | None, split: str) -> list[dict]:
        asked.append((name, configuration, split))
        pronoun = "he" if configuration == "type1_pro" else "she"
        return [{"tokens": ["The", "guard", "slept", "as", pronoun, "was", "tired", "."]}]

    monkeypatch.setattr(datasets, "load_dataset", load)
    pairs = read_pairs("uclanlp/wino_bias:type1_pro:validation")
    assert pairs == [SentencePair("The guard slept as he was tired.", "The guard slept as she was tired.")]
    assert asked == [
        ("uclanlp/wino_bias", "type1_pro", "validation"),
        ("uclanlp/wino_bias", "type1_anti", "validation"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "", "no pair"),
        ("a.jsonl", "[1]\n", "not a JSON object"),
        ("a.jsonl", jsonl({"more": "a", "less": "b"}) + "{\n", "a.jsonl, line 2: not JSON"),
        ("a.jsonl", "[" * 100_000, "a.jsonl, line 1: not JSON"),
        ("a.csv", '"', "not readable"),
        (
            "a.jsonl",
            jsonl({"more": "a", "less": "b\ud800"}),
            "row 1: less contains an unpaired surrogate at position 1",
        ),
        ("a.jsonl", jsonl({"more": "a", "less": "b", "group": ["c"]}), "row 1: group is "),
        ("a.jsonl", jsonl({"sentid": "a", "sentence": "b"}, {"sentid": 1}), "row 2: sentid is 1"),
        ("a.jsonl", jsonl({"sentid": "a.b.0.male", "sentence": None}), "row 1: has no sentence"),
        ("pro.jsonl", jsonl({"tokens": [1]}), "pro.jsonl, row 1: has no sentence"),
        ("a.jsonl", jsonl({"text": "a"}), "has the columns text; expected columns more and less"),
        ("a.jsonl", jsonl({"more": "a", "less": "b"}, {"more": "a"}), "row 2: has no less; give a text"),
        ("a.jsonl", jsonl({"more": "a", "less": " "}), "row 1: less is ' '"),
        ("a.tsv", "sentid\tsentence\na.b.0.male.txt\tHe left.\n", "no sentence in a male and a female variant"),
        ("a.csv", '"a\nb",c\n1,2\n', "a.csv: has the columns a b, c; expected"),
        ("a.txt", "He left.\n", "single sentences"),
        ("a.jsonl", jsonl({"more": "a", "less": "a"}), "only pairs of two identical sentences"),
        ("a.jsonl", jsonl({"target": "a", "bias_type": "race", "sentences": []}), "no item of bias_type gender"),
        (
            "a.jsonl",
            jsonl({"target": "a", "bias_type": "gender", "sentences": 1}),
            "row 1: has no sentence labelled st",
        ),
        (
            "a.jsonl",
            jsonl(STEREOSET["intersentence"] | {"sentences": [{"sentence": "a", "gold_label": "stereotype"}]}),
            "row 1: has no sentence labelled anti-stereotype",
        ),
        ("a.jsonl", jsonl(STEREOSET["intersentence"] | {"context": None}), "row 1: has no context"),
        ("a.json", "[1]", "a.json: not readable .*not {.data.: {split: .row.}}"),
        ("a.json", '{"data": {"intersentence": [1]}}', "a.json: not readable .a row is not an object"),
        ("a.json", "{", "a.json: not readable"),
        ("pro.txt", "He left.\n", "anti.txt: neither|anti.txt: no such file"),
    ],
)
def test_what_holds_no_pairs_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    if name == "pro.jsonl":
        (tmp_path / "anti.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_pairs(str(tmp_path / name))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            RuntimeError("Dataset scripts are no longer supported, but found a.py\nTry another"),
            "Dataset scripts",
        ),
        (OSError(), "OSError"),
    ],
)
def test_a_hub_set_that_cannot_be_loaded_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def load(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(
        UserError, match=f"some/pairs: neither a file of sentence pairs nor a data set .*{reason}"
    ) as caught:
        read_pairs("some/pairs")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["./nothing.jsonl", "nothing.CSV", "anti.txt.dev", "here/nothing"])
def test_a_missing_file_is_not_looked_for_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no such file of sentence pairs"):
        read_pairs(source)
