"""The metadata at the top of a student's model card, in the form that the Hugging Face hub reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCardData, get_session, hf_hub_url, try_to_load_from_cache
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined] # public, but not in __all__

from augment.hub_ids import parse_hub_id
from distill.models.source import ModelSource

_CARD = "README.md"
_LICENSE = ("license", "license_name", "license_link")
_SECONDS = 5
"""How long to wait for a card from the hub: a fit that has ended must not wait for a network that is gone."""


def card_metadata(sources: Sequence[ModelSource], texts: Sequence[str], tags: Sequence[str]) -> str:
    """The metadata as YAML; only what is known is stated.

    Args:
        sources: The models that the student derives from: its teacher, and the one that its weights started from.
        texts: The training texts, as the user named them; those on the hub are listed.
        tags: Tags that describe the method.

    Returns:
        YAML without the lines that enclose it.
    """
    cards = [read_metadata(source) for source in sources]
    base_models = list(dict.fromkeys(name for pair in zip(sources, cards, strict=True) for name in _hub_ids(*pair)))
    datasets = list(dict.fromkeys(filter(None, map(_dataset, texts))))
    data = ModelCardData(
        language="en",
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=(base_models[0] if len(base_models) == 1 else base_models) or None,
        datasets=datasets or None,
        tags=list(tags) or None,
        **_license(cards),
    )
    return data.to_yaml().strip()


def read_metadata(source: ModelSource) -> dict[str, Any]:
    """The metadata of a model's own card; empty if it has none, or if it cannot be read."""
    try:
        content = _card_of(source)
        block = REGEX_YAML_BLOCK.search(content)
        metadata = yaml.safe_load(block.group(2)) if block else None
    except Exception:  # others wrote the card, and the network may be gone: the student is worth more than a licence
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _card_of(source: ModelSource) -> str:
    if source.folder is not None:
        return (source.folder / _CARD).read_text(encoding="utf-8-sig")
    cached = try_to_load_from_cache(source.path, _CARD, revision=source.revision)
    if isinstance(cached, str):
        return Path(cached).read_text(encoding="utf-8-sig")
    # `hf_hub_download` would try again for half a minute.
    url = hf_hub_url(source.path, _CARD, revision=source.revision)
    answer = get_session().get(url, headers=build_hf_headers(), timeout=_SECONDS, follow_redirects=True)
    return str(answer.raise_for_status().text)


def _hub_ids(source: ModelSource, metadata: dict[str, Any]) -> list[str]:
    """The model's id on the hub; of a folder, the ids that its card names as its own base."""
    if source.folder is None:
        return [] if (hub_id := parse_hub_id(source.path)) is None else [hub_id.name]
    base = metadata.get("base_model")
    return [name for name in (base if isinstance(base, list) else [base]) if isinstance(name, str) and name]


def _license(cards: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The licence that the cards agree on; none if one of them is silent, because it might demand something else."""
    stated = [{key: card[key] for key in _LICENSE if isinstance(card.get(key), str)} for card in cards]
    agree = bool(stated) and "license" in stated[0] and all(each == stated[0] for each in stated)
    return stated[0] if agree else {}


def _dataset(text: str) -> str | None:
    """The id of a dataset on the hub; None for a file or a folder."""
    hub_id = parse_hub_id(text)
    return None if hub_id is None else hub_id.name
