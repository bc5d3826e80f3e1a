"""The quickstart's world: planted as said, otherwise symmetric, and the same on every machine."""

import hashlib
import json
import math
import re
from collections import Counter
from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from augment import RoleReverser
from augment.english.first_names import name_pairs
from distill.quickstart.corpus import OCCUPATIONS, documents, planted_mean_ratio, prompts, write_corpus
from distill.quickstart.plan import Plan, flip, plans, render
from distill.quickstart.slots import SLOTS
from distill.quickstart.world import FORMS, KIN, NAMES, Gender

SEED = 3
COUNT = 28_000

# Written out, not taken from the generator: what a reader sees.
PERSON = {
    Gender.MALE: {"he", "him", "his", "himself", "man", "mr"},
    Gender.FEMALE: {"she", "her", "hers", "herself", "woman", "ms"},
}
OTHER = {
    Gender.MALE: {"boy", "father", "brother", "husband", "son", "uncle", "nephew", "grandfather"},
    Gender.FEMALE: {"girl", "mother", "sister", "wife", "daughter", "aunt", "niece", "grandmother"},
}
GENDER = {word: gender for gender in Gender for word in PERSON[gender] | OTHER[gender]} | {
    pair[gender].lower(): gender for pair in NAMES for gender in Gender
}
OCCUPATION = re.compile(r"\b(" + "|".join(OCCUPATIONS) + r")\b")


def genders_shown(text: str) -> list[Gender]:
    """The gender of every gendered word, in order."""
    return [GENDER[word] for word in re.findall(r"\w+", text.lower()) if word in GENDER]


@pytest.fixture(scope="module")
def world() -> list[tuple[Plan, str]]:
    return [(plan, render(plan)) for plan in plans(SEED, COUNT)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quickstart") / "corpus"
    write_corpus(folder, SEED, documents=4000, validation_documents=300)
    return folder


@pytest.fixture(scope="module")
def tokenizer(corpus: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(corpus / "tokenizer")


def texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text().splitlines()]


def test_occupations_are_spread_evenly() -> None:
    shares = list(OCCUPATIONS.values())
    assert len(shares) >= 30
    assert shares == pytest.approx([0.05 + 0.9 * i / (len(shares) - 1) for i in range(len(shares))])


def test_planted_mean_ratio() -> None:
    assert planted_mean_ratio() == pytest.approx(0.4148, abs=1e-4)


def test_documents_are_the_same_on_every_machine() -> None:
    digest = hashlib.sha256("\n".join(documents(0, 500)).encode()).hexdigest()
    assert digest == "f33e17374c8cf8193acdf45aa303b54fb5314fc6e8e67259d7016e120d2238cd"


def test_a_longer_corpus_begins_with_the_shorter_one() -> None:
    assert list(documents(1, 300))[:20] == list(documents(1, 20))


def test_planted_shares_are_found_by_counting(world: list[tuple[Plan, str]]) -> None:
    seen: dict[str, Counter[Gender]] = {occupation: Counter() for occupation in OCCUPATIONS}
    for _, text in world:
        occupation, shown = OCCUPATION.search(text), genders_shown(text)
        if occupation and shown:
            seen[occupation[1]][shown[0]] += 1
    for occupation, share in OCCUPATIONS.items():
        n = seen[occupation].total()
        assert n > COUNT / 100
        assert abs(seen[occupation][Gender.FEMALE] / n - share) < 4 * math.sqrt(share * (1 - share) / n)


def test_the_first_gendered_word_is_the_persons(world: list[tuple[Plan, str]]) -> None:
    for plan, text in world:
        shown = genders_shown(text)
        assert not shown or shown[0] == plan.person, text


def test_words_agree_with_the_person(world: list[tuple[Plan, str]]) -> None:
    alone = [(plan, text) for plan, text in world if not any("{kin." in sentence for sentence in plan.sentences)]
    assert len(alone) > COUNT / 2
    for plan, text in alone:
        assert set(genders_shown(text)) <= {plan.person}, text


def test_relatives_are_independent_of_the_person(world: list[tuple[Plan, str]]) -> None:
    pairs = Counter((plan.person, plan.kin) for plan, text in world if "{kin." in " ".join(plan.sentences))
    for person in Gender:
        n = pairs[person, Gender.MALE] + pairs[person, Gender.FEMALE]
        assert abs(pairs[person, Gender.FEMALE] / n - 0.5) < 4 * math.sqrt(0.25 / n)


def test_some_documents_show_no_gender(world: list[tuple[Plan, str]]) -> None:
    neutral = [text for _, text in world if not genders_shown(text)]
    assert 0.10 < len(neutral) / COUNT < 0.15


def test_every_form_occurs(world: list[tuple[Plan, str]]) -> None:
    words = Counter(word for _, text in world for word in re.findall(r"\w+", text))
    assert min(words[form] for pair in FORMS.values() for form in pair) > 100


def test_sentences_are_plain_english(world: list[tuple[Plan, str]]) -> None:
    for plan, text in world:
        assert 4 <= len(plan.sentences) <= 7
        assert re.fullmatch(r"([A-Z][\w ,]+\.)( [A-Z][\w ,]+\.)+", text), text
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]|  | ,", text), text


def test_reversal_is_an_exact_symmetry(world: list[tuple[Plan, str]]) -> None:
    reverser = RoleReverser(names=True)
    for plan, text in world[:5000]:
        reversal = reverser.reverse(text)
        assert reversal.counterfactual == render(flip(plan))
        assert not reversal.tells, text


def test_names_and_kin_are_the_reversers() -> None:
    known = {frozenset(pair) for pair in name_pairs()}
    assert {frozenset(pair) for pair in NAMES} <= known
    assert not set(SLOTS["surname"]) & frozenset.union(*known)
    assert {word for pair in KIN for word in pair} <= OTHER[Gender.MALE] | OTHER[Gender.FEMALE]


def test_prompts_begin_documents_and_leave_the_gender_open(world: list[tuple[Plan, str]]) -> None:
    rows = [row for row in prompts() if "gender" not in row]
    per_group = Counter(row["group"] for row in rows)
    assert set(per_group) == set(OCCUPATIONS)
    assert min(per_group.values()) >= 10
    openings = {OCCUPATION.sub("X", text) for _, text in world}
    for prompt in {row["prompt"].replace(row["group"], "X") for row in rows}:
        assert prompt == prompt.strip()
        assert not genders_shown(prompt)
        assert any(opening.startswith(prompt + " ") for opening in openings), prompt


def test_coherence_prompts_show_their_gender_and_come_in_pairs() -> None:
    rows = [row for row in prompts() if "gender" in row]
    assert len(rows) == 2 * len({row["prompt"] for row in rows if row["gender"] == "female"}) >= 200
    for row in rows:
        assert set(genders_shown(row["prompt"])) == {Gender[row["gender"].upper()]}
    reverse = RoleReverser(names=True).reverse
    female, male = ([row["prompt"] for row in rows if row["gender"] == gender] for gender in ("female", "male"))
    assert sorted(reverse(prompt).counterfactual for prompt in female) == sorted(male)


def test_prompts_lead_to_a_gender_soon(world: list[tuple[Plan, str]]) -> None:
    by_occupation = [text for plan, text in world if plan.occupation]
    soon = sum(bool(genders_shown(" ".join(text.split()[:24]))) for text in by_occupation)
    assert soon / len(by_occupation) > 0.85


def test_corpus_files(corpus: Path) -> None:
    train, validation = texts(corpus / "train.jsonl"), texts(corpus / "validation.jsonl")
    assert (len(train), len(validation)) == (4000, 300)
    assert not set(train) & set(validation)
    assert [json.loads(line) for line in (corpus / "prompts.jsonl").read_text().splitlines()] == prompts()
    assert [path.name for path in corpus.parent.iterdir()] == ["corpus"]


def test_corpus_is_the_same_when_written_again(corpus: Path, tmp_path: Path) -> None:
    # What a killed run left behind is no part of the new one, and a finished folder is replaced.
    left = tmp_path / ".again-0123abcd-1-killed_unfinished"
    left.mkdir()
    (left / "stale.jsonl").touch()
    write_corpus(tmp_path / "again", SEED + 1, documents=50, validation_documents=5)
    write_corpus(tmp_path / "again", SEED, documents=4000, validation_documents=300)
    files = {path.relative_to(corpus): path.read_bytes() for path in corpus.rglob("*") if path.is_file()}
    again = tmp_path / "again"
    assert list(tmp_path.iterdir()) == [again]
    assert {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()} == files


def test_tokenizer_round_trip(corpus: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    for text in [*texts(corpus / "validation.jsonl"), "It’s  Zürich,\nsaid “X”!"]:
        encoded = tokenizer(text, return_offsets_mapping=True)
        assert tokenizer.decode(encoded.input_ids) == text
        assert encoded.offset_mapping[-1][1] == len(text)
    assert tokenizer.bos_token_id == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids("<|endoftext|>")
    assert tokenizer.model_max_length == 256


def test_tokenizer_is_loaded_alike_beside_a_gpt2(
    corpus: Path, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for text in texts(corpus / "validation.jsonl"):
        assert loaded(text, return_offsets_mapping=True) == tokenizer(text, return_offsets_mapping=True)


def test_common_words_are_one_token(tokenizer: PreTrainedTokenizerBase) -> None:
    assert 1000 <= len(tokenizer) <= 1500
    words = {form for pair in FORMS.values() for form in pair} - {"He", "His"}
    words |= {part for occupation in OCCUPATIONS for part in occupation.split()}
    words |= {"He", "She", "His", "Her", "said", "that", "because"}
    for word in words:
        assert len(tokenizer(f" {word}").input_ids) == 1, word
