"""The rows of the experiment's table, and the recipe overlays that each student is trained with."""

OPERATORS = ("mean", "expmean", "max", "swap")

_PERTURBATION = "configs/perturbation"
_EXPERIMENTS = "configs/experiments"


def rows() -> dict[str, list[str]]:
    """Return row → recipes that are overlaid on the setting's own, in order."""
    plain = {"plain": [f"{_PERTURBATION}/none.yaml"]}
    paper = {operator: [f"{_PERTURBATION}/{operator}.yaml"] for operator in OPERATORS}
    even = {
        "equivariant": [f"{_PERTURBATION}/equivariant.yaml"],
        "max-reversed": [f"{_PERTURBATION}/max-reversed.yaml"],
        "equivariant-names-kept": [f"{_PERTURBATION}/equivariant.yaml", f"{_EXPERIMENTS}/names-kept.yaml"],
    }
    alone = {**plain, **paper, **even}
    return {
        **alone,
        "plain-append": [*plain["plain"], f"{_EXPERIMENTS}/append.yaml"],
        **{f"{row}-substitute": [*recipes, f"{_EXPERIMENTS}/substitute.yaml"] for row, recipes in alone.items()},
    }
