"""A text classifier, such as one of toxicity or regard, in a local folder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase

from distill.errors import UserError
from distill.models.integrity import check_complete
from distill.models.loading import load_pretrained
from distill.models.output_head import block_limit
from distill.models.security import NO_PICKLES, check_kernels, check_pickles
from distill.models.source import check_model, digest, model_source, weight_files
from distill.models.tokenizers import load_tokenizer

_BATCH = 64
_LONGEST = 1 << 16
"""Tokens of a text: a tokenizer without a limit names one that does not fit into an integer."""


@dataclass(frozen=True)
class TextClassifier:
    """A sequence classifier and its tokenizer, in evaluation mode.

    Attributes:
        model: The model.
        tokenizer: Its tokenizer.
        labels: Names of its labels, in the order of its outputs.
        sha256: Digest of its weights.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    labels: list[str]
    sha256: str

    @torch.inference_mode()
    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Compute the probability of each label, `[texts, labels]`, as the pipeline of `transformers` does.

        Labels that do not exclude each other, or a single one, have a probability each. Texts are cut off at the
        model's maximum length.
        """
        config = self.model.config
        independent = config.problem_type == "multi_label_classification" or len(self.labels) == 1
        limit = min(self.tokenizer.model_max_length, block_limit(config) or _LONGEST, _LONGEST)
        # A model without a padding token cannot tell where a shorter text of a batch ends.
        size = 1 if self.tokenizer.pad_token_id is None else _BATCH
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        result = np.zeros((len(texts), len(self.labels)))
        with tqdm(total=len(texts), desc="classifier", unit="text", delay=2, leave=False) as bar:
            for start in range(0, len(texts), size):
                rows = order[start : start + size]
                encoded = self.tokenizer(
                    [texts[row] for row in rows],
                    padding=size > 1,
                    truncation=True,
                    max_length=limit,
                    return_tensors="pt",
                )
                logits = self.model(**encoded.to(self.model.device)).logits.double()
                result[rows] = (logits.sigmoid() if independent else logits.softmax(dim=-1)).cpu().numpy()
                bar.update(len(rows))
        return result


def load_classifier(path: str, device: str) -> TextClassifier:
    """Load a classifier from a local folder.

    Args:
        path: The folder.
        device: Device to load it onto.

    Raises:
        UserError: If it is not a local folder, holds no classifier of sequences or only pickled weights, or its weights
            are incomplete or not finite.
    """
    source = model_source(path)
    if source.folder is None:
        raise UserError(f"--classifier {path}: no such folder; download the classifier and give its folder")
    check_model(source)
    check_kernels(source)
    check_pickles(source)
    tokenizer = load_tokenizer(source)
    model, loading = load_pretrained(
        "text classifier",
        AutoModelForSequenceClassification,
        source,
        output_loading_info=True,
        dtype=torch.float32,
        **NO_PICKLES,
    )
    check_complete(source, model, loading["missing_keys"])
    sha256 = digest(weight_files(source.folder))
    labels = [str(label) for _, label in sorted(model.config.id2label.items())]
    return TextClassifier(model.to(device).eval().requires_grad_(False), tokenizer, labels, sha256)
