"""A short name of a model, for tables and charts."""

from pathlib import Path

import yaml


def model_name(path: str, gguf_file: str | None) -> str:
    """The hub id, the GGUF file's name, or the last part of the path that tells.

    A fit writes <output>/student, so that the output's name is the one that tells students apart; but only together do
    they tell a student from a teacher of the output's name, such as outputs/gpt2/student from gpt2.
    """
    if gguf_file:
        return Path(gguf_file).stem
    folder = Path(path)
    if not folder.is_dir():
        return path
    folder = folder.resolve()
    if folder.name != "student":
        return folder.name
    return folder.parent.name if _tells(folder.parent) else f"{folder.parent.name}/{folder.name}"


def _tells(run: Path) -> bool:
    """Whether a run is known to bear another name than its teacher."""
    try:
        teacher = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["model"]["teacher"]
        return run.name not in (Path(teacher["path"] or "").name, Path(teacher["gguf_file"] or "").stem)
    except Exception:  # any folder may be called student, whatever lies beside it
        return False
