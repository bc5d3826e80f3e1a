"""Where a model is: resolved once from the user's input, and passed to everything that reads it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from augment.hub_ids import parse_hub_id
from distill.errors import UserError
from distill.runtime.paths import expand_user


@dataclass(frozen=True)
class ModelSource:
    """A model, or a tokenizer, in a folder or on the hub; `model_source` makes one.

    Attributes:
        path: As the user gave it, for messages and results.
        folder: Where its files are; None on the hub.
        gguf_file: Name of a GGUF file in the folder or on the hub, which is read in place of safetensors.
        revision: Branch, tag or commit on the hub; None for the main one.
    """

    path: str
    folder: Path | None
    gguf_file: str | None = None
    revision: str | None = None

    @property
    def location(self) -> str:
        """The folder or hub id that `from_pretrained` reads."""
        return self.path if self.folder is None else str(self.folder)

    def local_folder(self) -> Path:
        """The folder with the files: for a model on the hub, the hub's cache, once it has been loaded."""
        if self.folder is not None:
            return self.folder
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(self.path, revision=self.revision, local_files_only=True))


def model_source(path: str, gguf_file: str | None = None, revision: str | None = None) -> ModelSource:
    """Resolve a path; nothing is loaded, and the hub is not contacted.

    Args:
        path: Folder, hub id, or GGUF file; `~` is the home folder.
        gguf_file: Name of a GGUF file in the folder or on the hub.
        revision: Branch, tag or commit on the hub.

    Raises:
        UserError: If there is no such folder or file and the path is not a hub id.
    """
    place = expand_user(path)
    if path and place.is_dir():
        if gguf_file is not None and not (place / gguf_file).is_file():
            raise UserError(f"{path}: holds no {gguf_file}; give the name of a GGUF file in that folder")
        return ModelSource(path, place, gguf_file, revision)
    if place.is_file():
        if gguf_file is not None or place.suffix.lower() != ".gguf":
            raise UserError(f"{path}: is a file; give the folder of a saved model, a .gguf file, or a Hugging Face id")
        return ModelSource(path, place.parent, place.name, revision)
    hub_id = parse_hub_id(path)
    if hub_id is None or hub_id.name != path:
        raise UserError(f"{path}: no such folder; give the folder of a saved model, or a Hugging Face id")
    return ModelSource(path, None, gguf_file, revision)


def check_model(source: ModelSource) -> None:
    """Refuse a folder without a model; a hub id is only checked on loading.

    Raises:
        UserError: If the folder holds no config.json, or one that is not JSON.
    """
    if source.folder is None or source.gguf_file is not None:
        return
    try:
        json.loads((source.folder / "config.json").read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"{source.path}: holds no config.json; give the folder of a saved model, such as OUTPUT/student"
        ) from None
    except (ValueError, RecursionError, OSError) as error:
        raise UserError(
            f"{source.path}: its config.json is not JSON ({error}); fetch or save the model again"
        ) from error


def weight_files(folder: Path, gguf_file: str | None = None) -> list[Path]:
    """The files that a model's weights are read from, in the order of their names.

    Args:
        folder: Where they are. Every *.safetensors file counts, because a configuration may name another file than
            model.safetensors, and an adapter's is loaded with the model.
        gguf_file: Name of the GGUF file, if they are read from one.
    """
    return sorted(folder.glob("*.safetensors")) if gguf_file is None else [folder / gguf_file]


def digest(files: Iterable[Path]) -> str:
    """SHA-256 of the contents of files, one after the other; for a single file, the output of `sha256sum`.

    Of weights, it covers the bytes of their files: a copy has the same digest wherever it lies and whatever its
    configuration says, while the same numbers in other shards, or in another data type, have another one.
    """
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            while chunk := content.read(2**20):
                total.update(chunk)
    return total.hexdigest()
