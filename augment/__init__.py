"""Counterfactual role reversal of English text: “she lost her keys” → “he lost his keys”, and the map between them.

    from augment import RoleReverser, align

Names are imported on first access (PEP 562), so that reading the version, which both packages share, loads nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augment.alignment import align
    from augment.english.lexicon import Lexicon
    from augment.records import Reversal, Swap
    from augment.reversal import RoleReverser

__version__ = "0.2.0"

__all__ = ["Lexicon", "Reversal", "RoleReverser", "Swap", "__version__", "align"]

_MODULES = {
    "Lexicon": "augment.english.lexicon",
    "Reversal": "augment.records",
    "RoleReverser": "augment.reversal",
    "Swap": "augment.records",
    "align": "augment.alignment",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
