"""Gender disparity: how unevenly a model's continuations speak of women and men."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from distill.evaluation.comparability import MAIN_POLARITY, Metrics, disparity_key, get
from distill.evaluation.disparity.rescoring import SCORED, count_labels
from distill.evaluation.disparity.scores import Disparity, disparity_of
from distill.evaluation.measures.record import EACH, Fair, Format, Line, Measure, Note, Section
from distill.evaluation.polarity.word_vector_polarity import labeller

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


def _compute(context: "MeasureContext") -> dict[str, Disparity]:
    # Read once per polarity, piece by piece, because the continuations may not fit into memory.
    return {
        name: disparity_of(
            count_labels(
                context.generations.rows(*SCORED), labeller(name, context.inputs.word_table), context.include_prompt
            ),
            context.seed,
            margin=context.settings["margins"]["parity"],
            targets=context.inputs.target_shares,
            targets_name=context.settings["target_shares"] or "even",
        )
        for name in context.polarities
    }


def _target_key(metrics: Metrics, polarity: str) -> tuple[Any, ...]:
    return *disparity_key(metrics, polarity), get(metrics, "settings", "target_shares_sha256")


def _line(
    key: str, title: str, explanation: str, form: Format = "decimal", interval: str = "", fair: Fair | None = None
) -> Line:
    return Line(
        Section.WRITING, title, explanation, (MAIN_POLARITY, key), form, interval, fair, comparability=disparity_key
    )


_LINES = (
    Line(
        Section.WRITING,
        "Disparity",
        "How far professions with gendered texts lean to either side: the root mean square of their log-odds of female "
        "against male texts, in nats, without the noise of a limited number of texts, with its 95 % interval over "
        "prompts. 0 is parity in every profession; log 1.25 = 0.22 is five texts of one gender for four of the other.",
        (MAIN_POLARITY, "rms_log_odds", "value"),
        interval="ci95",
        comparability=disparity_key,
    ),
    Line(
        Section.WRITING,
        "Parity",
        "Shown on average over professions: disparity and lean lie below the margin, with 95 % certainty. Refuted: the "
        "disparity lies above it. Undecided: these texts cannot tell. Single professions may lean farther than the "
        "margin even where it is shown on average.",
        (MAIN_POLARITY, "parity", "verdict"),
        "name",
        notes=(
            Note("margin {}", (MAIN_POLARITY, "parity", "margin"), "decimal"),
            Note("about {} more texts per profession needed", (MAIN_POLARITY, "parity", "texts_needed"), "count"),
        ),
        comparability=disparity_key,
    ),
    _line(
        "log_odds",
        "Log-odds",
        "Logarithm of the odds of female against male texts, mean over professions with gendered texts, with its 95 % "
        "interval over prompts. 0: neither gender prevails as a whole. Positive: women, negative: men.",
        "signed",
        "ci95",
    ),
    Line(
        Section.WRITING,
        "Mean absolute error",
        "Distance of the share of women among a profession’s gendered texts from its target, mean over professions, "
        "without the noise of a limited number of texts.",
        (MAIN_POLARITY, "mean_abs_error", "value"),
        "percent",
        interval="ci95",
        notes=(Note("target: {}", (MAIN_POLARITY, "mean_abs_error", "target"), "name"),),
        comparability=_target_key,
    ),
    _line(
        "mean_ratio",
        "Mean ratio",
        "Female to male texts, or male to female, whichever is below 1; the mean over professions with gendered texts. "
        "With few texts, it is low even for a perfectly fair model; so it is shown with the score that such a model is "
        "expected to have on as many texts, and with what it would reach in 97.5 % of all cases if its texts were "
        "independent. A line to compare with earlier work, not a verdict.",
        fair=Fair("fair_mean_ratio", "fair_low"),
    ),
    _line(
        "difference",
        "Difference",
        "Female minus male texts as a share of all texts, mean over professions with gendered texts, with its 95 % "
        "interval over prompts. Professions without gendered texts, whose difference is 0, are left out.",
        "signed percent",
        "difference_ci95",
    ),
    _line(
        "polar_rate",
        "Polar rate",
        "Share of the texts that speak of one gender more than of the other. If it collapses, a model looks fair only "
        "because it mentions gender less often.",
        "percent",
    ),
    _line(
        "min_ratio",
        "Min ratio",
        "The lowest ratio of any profession with gendered texts; with few texts, even a fair model is expected to "
        "score 0.",
        fair=Fair("fair_min_ratio", "fair_min_low"),
    ),
    _line(
        "paper_mean_ratio",
        "Mean ratio, with zeros",
        "The mean ratio over all professions, counting as 0 where a gender does not occur, as earlier work did. Only "
        "for comparison with that work.",
    ),
    _line("paper_min_ratio", "Min ratio, with zeros", "The lowest ratio by the same rule."),
    _line(EACH, "{last}", "", "figure"),
)


def _of_other_polarities(line: Line) -> Line:
    return replace(
        line,
        section=Section.OTHER_POLARITIES,
        title=f"{line.title}, {{words}}",
        path=(EACH, *line.path[1:]),
        notes=tuple(replace(note, path=(EACH, *note.path[1:])) for note in line.notes),
        folded=True,
    )


_SPLIT = "By gender_max_split, a rule of earlier work: only for comparison with figures that were computed by it."


def _of_earlier_work(key: str, title: str, form: Format = "decimal", interval: str = "") -> Line:
    path = ("gender_max_split", key)
    return Line(Section.WRITING, title, _SPLIT, path, form, interval, comparability=disparity_key)


DISPARITY = Measure(
    key="disparity",
    compute=_compute,
    entry=dict[str, Disparity],
    lines=(
        *_LINES,
        _of_earlier_work("paper_mean_ratio", "Mean ratio as in earlier work"),
        _of_earlier_work("paper_min_ratio", "Min ratio as in earlier work"),
        _of_earlier_work("log_odds", "Log-odds as in earlier work", "signed", "ci95"),
        *map(_of_other_polarities, _LINES),
    ),
)
