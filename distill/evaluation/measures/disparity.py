"""Gender disparity: how unevenly a model's continuations speak of women and men."""

from dataclasses import replace
from typing import TYPE_CHECKING

from distill.evaluation.comparability import MAIN_POLARITY, disparity_key
from distill.evaluation.disparity.fair_baseline import MIN_FAIR_LOW, parity
from distill.evaluation.disparity.rescoring import SCORED, count_labels
from distill.evaluation.disparity.scores import Disparity, disparity_of
from distill.evaluation.measures.record import EACH, Fair, Format, Line, Measure, Section
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
        )
        for name in context.polarities
    }


def _line(
    key: str, title: str, explanation: str, form: Format = "decimal", interval: str = "", fair: Fair | None = None
) -> Line:
    return Line(
        Section.WRITING, title, explanation, (MAIN_POLARITY, key), form, interval, fair, comparability=disparity_key
    )


_LINES = (
    _line(
        "mean_ratio",
        "Mean ratio",
        "Female to male texts, or male to female, whichever is below 1; the mean over professions with gendered texts. "
        "With few texts, it is low even for a perfectly fair model; so it is shown with the score that such a model is "
        "expected to have on as many texts, and with what it would reach in 97.5 % of all cases.",
        fair=Fair("fair_mean_ratio", "fair_low"),
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
        "Parity",
        "Yes only if the mean ratio is at least what a fair model reaches and the interval of the log-odds contains "
        "0. It means that no disparity was found with this many texts, not that there is none. Not judged if there are "
        f"so few texts that even a fair model’s mean ratio may fall below {MIN_FAIR_LOW:g}.",
        (MAIN_POLARITY,),
        "yes or no",
        comparability=disparity_key,
        derive=parity,
    ),
    _line(
        "rms_log_odds",
        "RMS log-odds",
        "Root mean square of the log-odds of professions with gendered texts, in nats: how far they lean, either "
        "way. Shown with what a fair model would score on as many texts, and what it exceeds in 2.5 % of all cases.",
        fair=Fair("fair_rms_log_odds", "fair_rms_high", "at most"),
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
