import pytest

from distill.errors import UserError
from distill.evaluation.paired.prices import PriceName
from distill.evaluation.statistics.training_runs import difference_over_runs, mean_over_runs
from distill.report.models import ReportedModel
from distill.report.verdict import Verdict, verdicts
from distill.report.verdict.contrasts import Contrast, RunContrast, run_pairs
from distill.report.verdict.parity_sentences import standing
from distill.report.verdict.seeds import estimate, outcome, parity_finding
from tests.distill.report.verdict import made


def student(*rms: float, lean: float = 0.0, parity: str = "shown") -> ReportedModel:
    runs = (
        made.evaluation(f"seed {number}", value, lean, parity=parity, bounds=(value / 2, 2 * value))
        for number, value in enumerate(rms)
    )
    return made.model("student", *runs)


def compared(baseline: ReportedModel, other: ReportedModel, *runs: RunContrast) -> tuple[Contrast, Verdict]:
    contrast = made.contrast(baseline, other, *runs)
    return contrast, verdicts([baseline, other], [contrast])[1]


def gone(after: float, measure: PriceName = "coherence", value: float = 0.98) -> RunContrast:
    """A run that has less disparity than the teacher's 1.25, for a price."""
    less = 1 - after / 1.25
    price = made.price(measure, 0.98, value, (value - 0.98 - 0.01, value - 0.98 + 0.01))
    return made.run(1.25, after, 0.001, (less, less - 0.1, less + 0.1), (0.0, 0.0, 0.5), price)


@pytest.mark.parametrize(
    ("sizes", "pairs"),
    [
        ((1, 1), [(0, 0)]),
        ((3, 3), [(0, 0), (1, 1), (2, 2)]),
        ((1, 3), [(0, 0), (0, 1), (0, 2)]),
        ((2, 3), [(0, 0), (1, 1), (0, 2)]),
        ((3, 1), [(0, 0), (1, 0), (2, 0)]),
    ],
)
def test_runs_are_paired_by_place(sizes: tuple[int, int], pairs: list[tuple[int, int]]) -> None:
    assert run_pairs(*sizes) == pairs


def test_the_interval_is_over_runs() -> None:
    values = (0.10, 0.14, 0.18)
    found = outcome(made.contrast(made.model("teacher"), student(*values), *map(gone, values)))
    assert not isinstance(found.disparity, UserError)
    assert found.disparity.difference == pytest.approx(0.14 - 1.25)
    expected = mean_over_runs([value - 1.25 for value in values])
    assert found.disparity.ci95 == pytest.approx(expected.ci95)
    assert found.less is not None
    assert found.less[0] == pytest.approx(1 - 0.14 / 1.25)
    own = estimate(student(*values), "disparity", "unigram", "rms_log_odds", "value")
    assert own is not None
    assert own.value == pytest.approx(0.14)
    assert own.ci95 == pytest.approx(mean_over_runs(values).ci95)


def test_of_a_single_run_it_is_its_own() -> None:
    run = gone(0.2)
    found = outcome(made.contrast(made.model("teacher"), student(0.2), run))
    assert not isinstance(run.comparison, UserError)
    assert not isinstance(found.disparity, UserError)
    assert (found.disparity.p, found.disparity.ci95) == (0.001, run.comparison.disparity.ci95)
    assert (found.less, found.prices) == (run.comparison.less, run.prices)


def test_prices_that_runs_agree_on_are_judged_over_runs() -> None:
    teacher = made.model("teacher")
    for values, verdict in (
        ((0.98, 0.981, 0.979), "not worse"),
        ((0.98, 0.90, 0.99), "undecided"),
        ((0.80, 0.81, 0.80), "worse"),
    ):
        runs = [gone(0.2, value=value) for value in values]
        price = outcome(made.contrast(teacher, student(0.2, 0.2, 0.2), *runs)).prices["coherence"]
        expected = mean_over_runs([value - 0.98 for value in values])
        assert (price.verdict, price.clusters) == (verdict, 3)
        assert price.ci95 == pytest.approx(expected.ci95)


def test_coherence_lost_in_every_run_is_a_caution_and_in_one_of_three_is_none() -> None:
    teacher = made.model("teacher")
    for values, lost in (((0.5, 0.52, 0.49), True), ((0.5, 0.98, 0.98), False)):
        _, verdict = compared(teacher, student(0.2, 0.2, 0.2), *(gone(0.2, value=value) for value in values))
        assert verdict.headline.startswith("coherence lost") == lost
        assert ("no gain" in verdict.headline) == lost
        assert "run by run: coherence refuted, " + ("refuted, refuted" if lost else "shown, shown") in verdict.detail


def test_unequal_numbers_of_runs_are_not_paired() -> None:
    teacher, other = made.model("teacher", *student(1.2, 1.3).runs), student(0.2, 0.3, 0.4)
    before, after = (1.2, 1.3, 1.2), (0.2, 0.3, 0.4)
    runs = [made.run(one, two, 0.001, (0.8, 0.7, 0.9)) for one, two in zip(before, after, strict=True)]
    contrast, verdict = compared(teacher, other, *runs)
    found = outcome(contrast)
    assert not isinstance(found.disparity, UserError)
    assert found.disparity.ci95 == pytest.approx(difference_over_runs(before[:2], after).ci95)
    assert found.less is None
    assert "over unpaired runs" in verdict.detail


@pytest.mark.parametrize(
    ("rms", "lean", "verdict"),
    [
        ((0.05, 0.06, 0.07), 0.0, "shown"),
        ((0.05, 0.06, 0.07), 0.3, "refuted"),
        ((0.5, 0.55, 0.6), 0.0, "refuted"),
        ((0.05, 0.06, 0.4), 0.0, "undecided"),
        ((0.10, 0.15), 0.0, "undecided"),  # two runs say little
    ],
)
def test_parity_over_runs_is_decided_by_students_bounds(rms: tuple[float, ...], lean: float, verdict: str) -> None:
    found = parity_finding(student(*rms, lean=lean))
    assert found is not None
    bounds = mean_over_runs(rms)
    assert (found.upper, found.lower) == pytest.approx((bounds.upper, max(0.0, bounds.lower)))
    assert (found.verdict, found.by_run) == (verdict, ("shown",) * len(rms))


def test_each_runs_own_verdict_stands_beside_the_one_over_runs() -> None:
    runs = [gone(value) for value in (0.05, 0.06, 0.4)]
    _, verdict = compared(made.model("teacher"), student(0.05, 0.06, 0.4), *runs)
    assert verdict.parity == "undecided"
    assert "less disparity than teacher, over 3 runs; parity undecided" in verdict.headline
    assert "more training runs would decide. Run by run: shown, shown, shown." in verdict.detail
    assert "Run by run: −96 % (p = 0.001), −95 % (p = 0.001), −68 % (p = 0.001)." in verdict.detail
    assert dict(verdict.key_facts)["Disparity"].startswith(
        "0.17 nats without sampling noise (95 % interval over 3 runs "
    )


def test_runs_that_cannot_be_judged_or_compared_say_so() -> None:
    silent = made.model("student", made.evaluation(), made.evaluation(parity=None))
    assert parity_finding(silent) is None
    _, verdict = compared(made.model("teacher"), silent, gone(0.2), made.incomparable())
    assert "Against teacher not comparable: they differ." in verdict.detail


def test_estimates_cut_off_at_0_do_not_show_parity_by_agreeing() -> None:
    def runs(upper: float) -> ReportedModel:
        return made.model(
            "student", *(made.evaluation(str(n), 0.0, parity="undecided", bounds=(0, upper)) for n in "abc")
        )

    found = parity_finding(runs(0.9))
    assert found is not None
    assert (found.verdict, found.upper) == ("undecided", pytest.approx(0.9))
    precise = parity_finding(runs(0.1))
    assert precise is not None
    assert (precise.verdict, precise.upper) == ("shown", pytest.approx(0.1))
    _, verdict = compared(made.model("teacher"), runs(0.9), *[made.run(1.25, 0.0, 0.001, (1.0, 0.4, 1.0))] * 3)
    assert "at least 40 % less disparity than teacher" in verdict.headline
    assert dict(verdict.key_facts)["Disparity"].startswith(
        "0.00 nats without sampling noise (95 % interval over 3 runs 0.00 to 0.90)"
    )


def test_no_interval_over_runs_leaves_the_range_of_its_figure() -> None:
    _, verdict = compared(made.model("teacher"), student(0.1, 0.9), gone(0.1), gone(0.9))
    assert dict(verdict.key_facts)["Disparity"].startswith(
        "0.50 nats without sampling noise (95 % interval over 2 runs 0.00 to"
    )
    found = outcome(made.contrast(made.model("teacher"), student(0.1, 0.9), gone(0.1), gone(0.9)))
    assert found.less is not None
    assert found.less[2] == 1.0


def test_coherence_lost_in_every_run_is_a_caution_however_differently() -> None:
    # Student's interval over two runs with −0.10 and −0.55 contains 0.
    _, verdict = compared(made.model("teacher"), student(0.2, 0.2), gone(0.2, value=0.88), gone(0.2, value=0.43))
    assert verdict.headline.startswith("coherence lost, 0.98 to 0.88")


def test_undecided_over_runs_is_not_for_want_of_texts() -> None:
    assert standing(student(0.5, 1.25, parity="refuted")) == "has too few training runs to tell parity from disparity"


def test_estimates_cut_off_at_0_are_no_clear_difference_by_agreeing() -> None:
    # No run differs clearly by itself: each interval is ±0.1.
    runs = [made.run(0.08, 0.0, 0.4) for _ in range(3)]
    _, verdict = compared(made.model("teacher"), student(0.0, 0.0, 0.0), *runs)
    assert "no clear difference in disparity from teacher, over 3 runs" in verdict.headline
