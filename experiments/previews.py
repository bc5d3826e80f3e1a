"""The targets of one teacher on several texts as a Markdown table, from what `distill preview` wrote.

python -m experiments.previews docs/results/preview/*/preview.json
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.preview.table import gendered_change, perplexity_change

Preview = dict[str, Any]


def table(previews: Sequence[tuple[str, Preview]]) -> str:
    """Return a row per target: perplexity and gendered NLL on each text, and the pronoun gap, which needs no text.

    The first row has the values of the factual target, the others the change to them with its 95 % interval.
    """
    heads = ["target", *(f"{name}: {what}" for name, _ in previews for what in ("perplexity", "gendered NLL"))]
    lines = [[*heads, "pronoun gap"], ["---"] * (len(heads) + 1)]
    for targets in zip(*(preview["targets"] for _, preview in previews), strict=True):
        cells = [cell for target in targets for cell in (_perplexity(target), _gendered(target))]
        lines.append([_name(targets[0]), *cells, f"{targets[0]['pronoun_gap']['mean_abs_log_odds']:.3f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(target: Preview) -> str:
    if target["operator"] == "none":
        return "factual teacher"
    strength = target.get("strength", 1)
    limit = "" if strength == 1 else f", strength {strength:g}"
    return f"`{target['operator']}`, {target['vocabulary']}, {target['contexts']} contexts{limit}"


def _perplexity(target: Preview) -> str:
    return perplexity_change(target) or f"{target['perplexity']['value']:.2f}"


def _gendered(target: Preview) -> str:
    scores = target["gendered_tokens"]
    return gendered_change(target) or (f"{scores['nll']:.3f} ({scores['n']:,} tokens)" if scores["n"] else "–")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "files", nargs="+", type=Path, help="preview.json of each text; the name of its folder is the name of the text"
    )
    found = [(file.parent.name, json.loads(file.read_text(encoding="utf-8"))) for file in parser.parse_args().files]
    print(table(found))
