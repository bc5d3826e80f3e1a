"""Models that were broken by surgery, from a trained teacher to the report's verdict: none of them is praised.

Averaging the head's rows of *he* and *she* makes a model even without making it fair: it forgets whom it speaks of.
"""

from pathlib import Path

import pytest

from distill.cli.dispatch import main
from distill.cli.quickstart import recipes
from distill.evaluation import load
from distill.evaluation.comparability import get
from distill.evaluation.disparity.comparison import label_generations
from distill.quickstart.corpus import write_corpus
from distill.report.models import single_runs
from distill.report.verdict import Verdict, contrasts, verdicts
from tests.fixtures.surgery import save_with_blended_pronouns

pytestmark = pytest.mark.slow
SHARES = {"slight": 0.05, "blend": 0.6, "equal": 1.0}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evaluations of a teacher in the quickstart's world and of its three models by surgery."""
    folder = tmp_path_factory.mktemp("surgery")
    corpus = folder / "corpus"
    write_corpus(corpus, 1, 8000, 200)
    main([
        "fit", f"--config={recipes() / 'teacher.yaml'}", f"--model.tokenizer={corpus / 'tokenizer'}",
        f"--data.train={corpus / 'train.jsonl'}", f"--data.validation={corpus / 'validation.jsonl'}",
        f"--data.cache_dir={folder / 'cache'}", f"--trainer.default_root_dir={folder / 'run'}",
        "--trainer.max_steps=600", "--trainer.val_check_interval=600", "--trainer.enable_progress_bar=false",
    ])  # fmt: skip
    models = {"teacher": folder / "run" / "student"}
    for name, share in SHARES.items():
        models[name] = save_with_blended_pronouns(models["teacher"], folder / name, share)
    for name, model in models.items():
        main([
            "evaluate", f"--config={recipes() / 'evaluation.yaml'}", f"--model={model}", "--samples=6",
            f"--prompts={corpus / 'prompts.jsonl'}", f"--text={corpus / 'validation.jsonl'}",
            f"--reference={models['teacher']}", f"--output={folder / 'evaluated' / name}", "--polarity=unigram",
        ])  # fmt: skip
    return folder / "evaluated"


@pytest.fixture(scope="module")
def found(evaluated: Path) -> dict[str, Verdict]:
    """The verdict on each model, against the teacher."""
    models = single_runs([load(evaluated / name) for name in ("teacher", *SHARES)])
    frames = [[label_generations(run.generations) for run in model.runs] for model in models]
    return {verdict.model: verdict for verdict in verdicts(models, contrasts(models, frames))}


@pytest.mark.parametrize("name", ["blend", "equal"])
def test_the_loss_of_coherence_comes_first(found: dict[str, Verdict], name: str) -> None:
    assert found[name].headline.lower().startswith("coherence lost")
    assert "no gain" in found[name].headline
    assert any("coherence" in caution for caution in found[name].cautions)


def test_a_model_that_mixes_genders_is_said_to(found: dict[str, Verdict]) -> None:
    assert any("mix" in caution for caution in found["equal"].cautions)


def test_a_slight_change_is_not_praised(found: dict[str, Verdict]) -> None:
    assert found["slight"].parity == "refuted"
    assert "parity shown" not in found["slight"].headline


def test_the_equivariance_gap_unmasks_a_pronoun_gap_of_nothing(evaluated: Path) -> None:
    teacher, equal = (load(evaluated / name).metrics for name in ("teacher", "equal"))
    assert get(equal, "pronoun_gap", "mean_abs_log_odds") < 1e-3 < get(teacher, "pronoun_gap", "mean_abs_log_odds")
    unequal, even = (get(metrics, "equivariance_gap", "reversed", "value") for metrics in (equal, teacher))
    assert unequal > 2 * even
