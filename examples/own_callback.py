"""A custom callback: after each validation it logs how much likelier *he* is than *she* after a prompt.

In Python, pass it to the Trainer. On the command line, from the top of a clone:

    PYTHONPATH=. distill fit --config configs/gpt2.yaml --trainer.callbacks+=examples.own_callback.PronounOdds

or in a recipe, where the plus sign appends to the callbacks of earlier recipes:

    trainer:
      callbacks+:
        - class_path: examples.own_callback.PronounOdds
          init_args:
            prompt: The engineer said that
"""

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from distill import DistillationModule


class PronounOdds(Callback):
    """Logs `pronoun_odds`, log P(he) − log P(she) of the student after a prompt, in nats.

    Args:
        prompt: The beginning of a sentence without a gender cue.
    """

    def __init__(self, prompt: str = "The nurse said that") -> None:
        self.prompt = prompt

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Score the student; Lightning has switched it to evaluation mode and gradients off."""
        assert isinstance(pl_module, DistillationModule)
        model, tokenizer = pl_module.student, pl_module.tokenizer
        he, she = (log_probability(model, tokenizer, self.prompt, word) for word in (" he", " she"))
        pl_module.log("pronoun_odds", he - she, rank_zero_only=True)


def log_probability(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: str, continuation: str
) -> torch.Tensor:
    """Return log P(continuation | prompt) in nats; the continuation may have several tokens."""
    start = len(tokenizer(prompt).input_ids)
    tokens = torch.tensor([tokenizer(prompt + continuation).input_ids], device=model.device)
    log_probabilities = model(tokens).logits.float().log_softmax(-1)
    return log_probabilities[0, torch.arange(start - 1, tokens.shape[1] - 1), tokens[0, start:]].sum()
