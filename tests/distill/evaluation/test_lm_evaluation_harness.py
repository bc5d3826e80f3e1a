"""Word perplexity and log-probabilities of sentences compared with those of lm-evaluation-harness."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from distill.evaluation.likelihood.text_perplexity import read_text, text_costs
from distill.evaluation.measures.perplexity import perplexities
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.probes.pair_preference import log_probabilities
from distill.evaluation.scored_model import load_scored_model
from distill.models.source import model_source

PAGES = [
    " = Robert Boulter = \n \n Robert Boulter is an English film , television and theatre actor . He had a guest @-@ "
    "starring role on the television series The Bill in 2000 . \n \n = = Career = = \n \n In 2002 he landed a role as "
    '" Craig " in the episode " Teddy \'s Story " ( 1 @,@ 500 £ ) . She said : the brothers \' nurse was tired . \n ',
    " = Nurse = \n \n The nurse told everyone that she was tired ; the judge said that he had come home . \n " * 3,
]


def _theirs(model: Path, pages: list[str], folder: Path) -> float:
    lm_eval = pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: extra `bench`")
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks.wikitext import preprocess_wikitext

    data = folder / "pages.jsonl"
    data.write_text("\n".join(json.dumps({"page": page}) for page in pages), encoding="utf-8")
    task = {
        "task": "local_wikitext",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "output_type": "loglikelihood_rolling",
        "test_split": "test",
        "doc_to_text": "",
        "doc_to_target": preprocess_wikitext.wikitext_detokenizer,
        "process_results": preprocess_wikitext.process_results,
        "metric_list": [
            {"metric": "word_perplexity", "aggregation": "weighted_perplexity"},
            {"metric": "byte_perplexity", "aggregation": "weighted_perplexity"},
            {"metric": "bits_per_byte", "aggregation": "bits_per_byte"},
        ],
        "metadata": {"version": 2.0},
    }
    results = lm_eval.simple_evaluate(
        HFLM(str(model), device="cpu", dtype="float32"),
        tasks=[task],
        # Its own tasks are thousands of files, all of which would be read for nothing.
        task_manager=TaskManager(include_defaults=False),
        bootstrap_iters=0,
    )
    return results["results"]["local_wikitext"]["word_perplexity,none"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("context", [96, 24])
def test_word_perplexity_is_theirs_to_one_in_ten_thousand(save_model, tmp_path: Path, context: int) -> None:
    """Windows shorter than the articles, so that their layout is compared, too."""
    model = save_model("tiny", context=context)
    source = tmp_path / "ours.jsonl"
    source.write_text("\n".join(json.dumps({"page": page}) for page in PAGES), encoding="utf-8")
    scored_model = load_scored_model(model_source(str(model)), device="cpu")
    costs = text_costs(scored_model, read_text(str(source), "page"), context, ResultCache(tmp_path / "kept"))
    ours = perplexities(costs, str(model), context)
    assert ours["word"]["value"] == pytest.approx(_theirs(model, PAGES, tmp_path), rel=1e-4)


SENTENCES = [
    ("", "The nurse said that she was late."),  # of a pair, or StereoSet's intrasentence
    ("", "The nurse said that he was late."),
    ("My grandfather came home.", "He was old."),  # StereoSet's intersentence
    ("My grandfather came home.", "Iron rusts."),
    ("She looked out of the window and", "was surprised, because nobody had told her that it would rain."),
]


@pytest.mark.filterwarnings("ignore")
def test_log_probabilities_of_sentences_are_theirs(model_folder: Path) -> None:
    """Theirs omits the token that begins a text where there is a context; it is written out there."""
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed: extra `bench`")
    from lm_eval.models.huggingface import HFLM

    model = HFLM(str(model_folder), device="cpu", dtype="float32")
    requests = [
        SimpleNamespace(args=(f"<end>{given}", f" {sentence}") if given else ("", sentence))
        for given, sentence in SENTENCES
    ]
    theirs = [log_p for log_p, _ in model.loglikelihood(requests, disable_tqdm=True)]
    ours, _ = log_probabilities(load_scored_model(model_source(str(model_folder)), device="cpu"), 96, SENTENCES)
    assert ours.tolist() == pytest.approx(theirs, abs=1e-4)
