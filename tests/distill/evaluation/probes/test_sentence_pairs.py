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
