"""Role reversal: accuracy on treebank sentences, alignment on running text, and speed on a novel.

    python benchmarks/role_reversal.py

Needs ../shared/data (or $DISTILL_DATA): gold tags of UD English EWT and GUM, WikiText's validation split, Middlemarch,
and GPT-2's tokenizer. Alignment is the share of token positions that have a counterfactual position: of all positions,
and of those outside ambiguous words. Speed is CPU time, best of 21, relative to a bare loop of `re.finditer` over the
same words, and to countergen (a dictionary of words, in one direction only, here to female) if the bench extra is
installed. Writes benchmarks/results/role_reversal.json.
"""

import json
import multiprocessing
import os
import platform
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from augment import RoleReverser
from augment.alignment import align
from augment.pronouns.model import is_determiner

DATA = Path(os.environ.get("DISTILL_DATA", Path(__file__).parents[1] / "../shared/data"))
TREEBANK, NOVEL = "pronouns/ud_dev.jsonl", "novels/middlemarch.txt"
WIKITEXT, TOKENIZER = "wikitext/valid.txt", "gpt2-tokenizer/vocab.json"
RESULTS = Path(__file__).with_name("results")
CERTAIN = {"he": "she", "she": "he", "him": "her", "hers": "his", "himself": "herself", "herself": "himself"}
CONTENT = ("NOUN", "PRON", "PROPN", "ADJ")


def expected(form: str, tag: str) -> str | None:
    """Return what a gendered pronoun should become according to its gold tag; None for other words."""
    other = CERTAIN.get(form.lower())
    if form.lower() == "his":
        other = "her" if tag == "PRP$" else "hers"
    elif form.lower() == "her":
        other = "his" if tag == "PRP$" else "him"
    if other is None or not tag.startswith("PRP"):
        return None
    if form.isupper():
        return other.upper()
    return other.capitalize() if form[0].isupper() else other


def quality(reverser: RoleReverser, rows: list[dict]) -> dict[str, float]:
    """Return the accuracy on pronouns, sentences, edits and double reversals."""
    right, edits = Counter(), Counter()
    for row in rows:
        reversal = reverser.reverse(row["text"])
        new = {
            swap.start: reversal.counterfactual[swap.counterfactual_start : swap.counterfactual_end]
            for swap in reversal.swaps
        }
        pronouns = [
            new.get(start, form) == expected(form, tag)
            for start, _, form, _, tag in row["tokens"]
            if expected(form, tag) is not None
        ]
        right.update(pronouns=sum(pronouns), of_pronouns=len(pronouns))
        if pronouns:
            right.update(sentences=all(pronouns), of_sentences=1)
        if reversal.swaps:
            right.update(restored=reverser.reverse(reversal.counterfactual).counterfactual == row["text"], changed=1)
        for swap in reversal.swaps:
            words = [pos for start, end, _, pos, _ in row["tokens"] if start < swap.end and swap.start < end]
            edits[bool(set(words) & set(CONTENT))] += 1
    return {
        "pronouns right": right["pronouns"] / right["of_pronouns"],
        "sentences right": right["sentences"] / right["of_sentences"],
        "swap(swap(x)) == x": right["restored"] / right["changed"],
        "edits on other words": edits[False] / edits.total(),
    }


def her(rows: list[dict]) -> float:
    """Return the accuracy on “her”: those of the treebank, and “him” and “his” rewritten as “her”."""
    judged = []
    for row in rows:
        for start, end, form, _, tag in row["tokens"]:
            if (form.lower() in ("her", "him") and tag in ("PRP", "PRP$")) or (form.lower() == "his" and tag == "PRP$"):
                text = row["text"][:start] + "her" + row["text"][end:]
                judged.append(is_determiner(text, start, start + 3) == (tag == "PRP$"))
    return sum(judged) / len(judged)


def aligned(reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> tuple[float, float]:
    """Return the share of aligned token positions: of all, and of those outside ambiguous words."""
    reversals = reverser.reverse_all(texts)
    sides = ([pair.text for pair in reversals], [pair.counterfactual for pair in reversals])
    offsets = [
        tokenizer(side, add_special_tokens=False, return_offsets_mapping=True, verbose=False).offset_mapping
        for side in sides
    ]
    positions = found = ambiguous = 0
    for reversal, own, other in zip(reversals, *offsets, strict=True):
        undecided = {place for swap in reversal.swaps if swap.ambiguous for place in range(swap.start, swap.end)}
        positions += len(own)
        found += sum(position >= 0 for position in align(own, other, reversal.swaps))
        ambiguous += sum(end - 1 in undecided for _, end in own)
    return found / positions, found / (positions - ambiguous)


def seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    """Time one run with the given clock."""
    started = clock()
    run()
    return clock() - started


def countergen() -> Callable[[str], str] | None:
    """Return countergen's conversion of a text to female, if it is installed."""
    try:
        from countergen import SimpleAugmenter
    except ImportError:
        print("countergen is not installed; leaving it out")
        return None
    augmenter = SimpleAugmenter.from_default("gender")
    return lambda text: augmenter.transform(text, "female")


def apart(reverser: RoleReverser, texts: list[str]) -> None:
    """Measure the limit for two processes on this machine: each reverses a half without returning it."""
    forks = multiprocessing.get_context("fork")
    processes = [forks.Process(target=_reverse_each, args=(reverser, texts[half::2])) for half in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def _reverse_each(reverser: RoleReverser, texts: list[str]) -> None:
    for text in texts:
        reverser.reverse(text)


def speed(paragraphs: list[str]) -> dict[str, float]:
    """Return the speed relative to a bare loop over the words, of two processes to one, and the limit for two."""
    plain, naming = RoleReverser(), RoleReverser(names=True)
    word = re.compile(r"[^\W_]+")
    runs = {
        "bare": lambda: sum(1 for text in paragraphs for _ in word.finditer(text)),
        "plain": lambda: [plain.reverse(text) for text in paragraphs],
        "names": lambda: [naming.reverse(text) for text in paragraphs],
    }
    peer = countergen()
    if peer is not None:
        runs["countergen"] = lambda: [peer(text) for text in paragraphs]
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(21):
        for name, run in runs.items():
            best[name] = min(best[name], seconds(run, time.process_time))
    many = paragraphs * 8
    one = two = limit = float("inf")
    for _ in range(9):
        one = min(one, seconds(lambda: plain.reverse_all(many), time.perf_counter))
        two = min(two, seconds(lambda: plain.reverse_all(many, num_proc=2), time.perf_counter))
        limit = min(limit, seconds(lambda: apart(plain, many), time.perf_counter))
    return {
        "words per CPU-second": sum(len(text.split()) for text in paragraphs) / best["plain"],
        "× bare finditer": best["bare"] / best["plain"],
        "× bare finditer, names": best["bare"] / best["names"],
        **({"× countergen": best["countergen"] / best["plain"]} if peer is not None else {}),
        "two processes × one": one / two,
        "two that say nothing": one / limit,
    }


def main() -> None:
    """Print the results and write them."""
    missing = [name for name in (TREEBANK, NOVEL, WIKITEXT, TOKENIZER) if not (DATA / name).is_file()]
    if missing:
        print(f"skipped: {DATA} does not contain {' and '.join(missing)}; set $DISTILL_DATA to a folder that does")
        return
    rows = [json.loads(line) for line in (DATA / TREEBANK).read_text("utf-8").splitlines()]
    novel = re.split(r"\n\s*\n", (DATA / NOVEL).read_text("utf-8"))
    running = {
        "treebank": [row["text"] for row in rows],
        "WikiText": [line for line in (DATA / WIKITEXT).read_text("utf-8").splitlines() if line.strip()],
        "novel": novel,
    }
    tokenizer = AutoTokenizer.from_pretrained((DATA / TOKENIZER).parent)
    figures = {**quality(RoleReverser(), rows), "her right": her(rows)}
    for name, texts in running.items():
        every, decided = aligned(RoleReverser(), tokenizer, texts)
        figures |= {f"aligned, {name}": every, f"outside ambiguous, {name}": decided}
    figures |= speed(novel)
    for name, figure in figures.items():
        print(f"{name:>28} {figure:,.4f}" if figure < 100 else f"{name:>28} {figure:,.0f}")
    RESULTS.mkdir(exist_ok=True)
    machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    (RESULTS / "role_reversal.json").write_text(json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
