"""Models by surgery, with the figures that an examination of the report found them to have: none may be praised."""

import re

import pytest

from distill.evaluation.paired.prices import Price
from distill.report.verdict import Verdict, verdicts
from distill.report.verdict.contrasts import RunContrast
from tests.distill.report.verdict import made

TEACHER = made.evaluation("teacher", rms=1.252, lean=-0.06, lean_ci=(-0.135, 0.011), bounds=(1.19, 1.318))
FLAT_LEAN = {"lean": -0.06, "lean_ci": (-0.13, 0.01)}


def judge(own: dict[str, object], run: RunContrast) -> Verdict:
    """The verdict on a student of the teacher."""
    teacher = made.model("teacher", TEACHER)
    student = made.model("student", made.evaluation("student", **own))  # type: ignore[arg-type]
    return verdicts([teacher, student], [made.contrast(teacher, student, run)])[1]


def coherence(value: float, low: float, high: float) -> Price:
    return made.price("coherence", 0.98, value, (low, high))


SLIGHT = judge(
    FLAT_LEAN | {"rms": 1.21, "bounds": (1.15, 1.28)},
    made.run(
        1.252, 1.21, 0.012, (0.034, 0.010, 0.063), (-0.06, -0.06, 0.368),
        made.price("perplexity", 3.27, 3.273, (0.0007, 0.0011)), coherence(0.98, -0.01, 0.01),
    ),
)  # fmt: skip
BLEND = judge(
    {"rms": 0.54, "bounds": (0.48, 0.6), "lean": -0.12, "lean_ci": (-0.19, -0.05)},
    made.run(
        1.252, 0.54, 0.0005, (0.572, 0.519, 0.626), (-0.06, -0.12, 0.041),
        made.price("perplexity", 3.27, 3.40, (0.037, 0.042)), coherence(0.827, -0.188, -0.117),
        made.price("mixed", 0.003, 0.029, (0.02, 0.032)),
    ),
)  # fmt: skip
EQUAL = judge(
    {"rms": 0.443, "bounds": (0.39, 0.496), "lean": -0.44, "lean_ci": (-0.50, -0.38)},
    made.run(
        1.252, 0.443, 0.0005, (0.65, 0.60, 0.70), (-0.06, -0.44, 0.0005),
        made.price("perplexity", 3.27, 3.67, (0.118, 0.127)), coherence(0.452, -0.605, -0.446),
        made.price("mixed", 0.003, 0.127, (0.115, 0.133)), made.price("polar_rate", 0.848, 0.80, (-0.07, -0.04)),
    ),
)  # fmt: skip


def test_a_model_that_mixes_women_and_men_up_is_not_praised() -> None:
    assert EQUAL.headline == (
        "coherence lost, 0.98 to 0.45; a new lean towards men; 12.7 % of its texts mix women and men; less disparity "
        "is no gain here: 65 % less disparity than teacher, p < 0.001; parity refuted; perplexity +12.2 % (+11.8 to "
        "+12.7 %; at most 1 % worse: refuted)"
    )
    causes = ("coherence 0.98 to 0.45 (−0.528", "lean towards men", "mixed texts 0.3 % to 12.7 %")
    assert len(EQUAL.cautions) == len(causes)
    for caution, cause in zip(EQUAL.cautions, causes, strict=True):
        assert cause in caution
    assert "log-odds −0.06 to −0.44 (95 % interval −0.50 to −0.38)" in EQUAL.cautions[1]


def test_a_blend_is_not_praised() -> None:
    assert BLEND.headline.startswith(
        "coherence lost, 0.98 to 0.83; 2.9 % of its texts mix women and men; less disparity"
    )
    assert "no gain here: 57 % less disparity than teacher" in BLEND.headline
    # Its lean lies within the margin of parity: no lean that counts.
    assert len(BLEND.cautions) == 2


def test_a_slight_change_is_not_praised() -> None:
    assert SLIGHT.headline == (
        "hardly less disparity than teacher, p = 0.01; parity refuted; perplexity +0.1 % (+0.1 to +0.1 %; at most "
        "1 % worse: shown)"
    )
    assert SLIGHT.cautions == ()


def test_a_good_student_gets_no_caution() -> None:
    good = judge(
        {"rms": 0.148, "bounds": (0.08, 0.205), "parity": "shown", "lean": -0.073, "lean_ci": (-0.129, -0.014)},
        made.run(
            1.252, 0.148, 0.0005, (0.883, 0.822, 1.0), (-0.06, -0.073, 0.75),
            made.price("perplexity", 3.27, 3.28, (0.002, 0.004)), coherence(0.984, -0.012, 0.026),
        ),
    )  # fmt: skip
    assert good.cautions == ()
    assert good.headline == (
        "88 % less disparity than teacher, p < 0.001; parity shown; perplexity +0.3 % (+0.2 to +0.4 %; at most 1 % "
        "worse: shown)"
    )
    assert "shown on average over groups" in good.detail


@pytest.mark.parametrize(
    ("price", "cautioned"),
    [
        (coherence(0.955, -0.045, -0.005), True),  # beyond the margin, and certain to have fallen
        (coherence(0.93, -0.07, -0.03), True),
        (coherence(0.965, -0.024, -0.006), False),  # certain to have fallen, within the margin
        (coherence(0.94, -0.09, 0.01), False),  # not certain
        (made.price("polar_rate", 0.8, 0.7, (-0.15, -0.1)), True),
        (made.price("polar_rate", 0.8, 0.78, (-0.03, -0.02)), False),
        (made.price("polar_rate", 0.8, 0.99, (0.2, 0.27)), False),
        (made.price("mixed", 0.01, 0.05, (0.03, 0.05)), True),
        (made.price("mixed", 0.05, 0.01, (-0.05, -0.03)), False),
        (made.price("gendered_nll", 0.7, 2.0, (1.2, 1.4)), False),  # a price, printed beside its margin
    ],
)
def test_a_caution_needs_more_than_the_margin_and_certainty(price: Price, cautioned: bool) -> None:
    found = judge(FLAT_LEAN, made.run(1.252, 0.6, 0.001, (0.5, 0.4, 0.6), (0.0, 0.0, 0.5), price))
    assert bool(found.cautions) == cautioned
    assert ("no gain here" in found.headline) == cautioned
    if cautioned:
        assert not re.match(r"\d+ % less", found.headline)


@pytest.mark.parametrize(
    ("lean", "lean_ci", "change", "words"),
    [
        (0.4, (0.3, 0.5), (-0.06, 0.4, 0.001), "a new lean towards women"),
        (-0.4, (-0.5, -0.3), (-0.06, -0.4, 0.001), "a new lean towards men"),
        (0.4, (0.3, 0.5), (-0.06, 0.4, 0.2), ""),  # it may be chance
        (0.4, (-0.1, 0.9), (-0.06, 0.4, 0.001), ""),  # its own lean may be none
        (-0.05, (-0.09, -0.01), (-0.5, -0.05, 0.001), ""),  # towards 0
        (0.1, (0.05, 0.15), (-0.06, 0.1, 0.001), ""),  # within the margin of parity
    ],
)
def test_a_lean_counts_where_it_is_new_and_certain(
    lean: float, lean_ci: made.Interval, change: tuple[float, float, float], words: str
) -> None:
    found = judge({"lean": lean, "lean_ci": lean_ci}, made.run(1.252, 0.6, 0.001, (0.5, 0.4, 0.6), change))
    assert [words] * bool(words) == [found.headline.split(";")[0]] * bool(found.cautions)
    assert "no gain" not in found.headline


def test_a_lean_that_was_there_grows_stronger() -> None:
    teacher = made.model("teacher", made.evaluation("teacher", lean=-0.3, lean_ci=(-0.4, -0.2)))
    student = made.model("student", made.evaluation("student", lean=-0.6, lean_ci=(-0.7, -0.5)))
    run = made.run(1.0, 1.0, 0.5, None, (-0.3, -0.6, 0.001))
    assert verdicts([teacher, student], [made.contrast(teacher, student, run)])[1].headline.startswith(
        "a stronger lean"
    )


def test_a_model_that_falls_silent_is_told_without_a_price() -> None:
    teacher = made.model("teacher", made.evaluation("teacher", polar_rate=0.8))
    for rate, told in ((0.0, True), (0.39, True), (0.41, False)):
        student = made.model("student", made.evaluation("student", polar_rate=rate, parity=None))
        found = verdicts([teacher, student], [made.contrast(teacher, student, made.incomparable())])[1]
        assert ("less than half as often" in " ".join(found.cautions)) == told
