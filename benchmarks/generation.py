"""Continuations per second: ours, one `generate` call per prompt, and transformers' batched pipeline.

    python benchmarks/generation.py [--model FOLDER_OR_GGUF]

They take turns in one process, several times; ratios are ratios of medians. Without --model: GPT-2 (124 M, vocabulary
50,257) with random weights, which never ends a text early, and prompts as long as BOLD's. All sample with top_k 50,
top_p 0.9 and a key-value cache. Writes benchmarks/results/generation.json with machine and versions.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, pipeline

from distill.decoding.sampling import Sampling
from distill.evaluation.generation.prompts import Prompt, own_prompts
from distill.evaluation.generation.store import generate
from distill.evaluation.scored_model import ScoredModel, load_scored_model
from distill.models.source import model_source

RESULTS = Path(__file__).with_name("results")
OPTIONS = {"do_sample": True, "top_k": 50, "top_p": 0.9, "temperature": 1.0}


def random_gpt2(folder: Path) -> None:
    """Write GPT-2 with random weights and a tokenizer for the words w0, w1, …, so that nothing is downloaded."""
    torch.manual_seed(0)
    config = GPT2Config()
    GPT2LMHeadModel(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({f"w{i}": i for i in range(config.vocab_size)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    last = f"w{config.eos_token_id}"
    PreTrainedTokenizerFast(tokenizer_object=words, bos_token=last, eos_token=last).save_pretrained(folder)


def words_as_prompts(count: int) -> list[Prompt]:
    """Return prompts as long as BOLD's 10,195 profession prompts: 2 to 16 GPT-2 tokens, eight at the median."""
    rng = np.random.default_rng(0)
    lengths = rng.normal(8, 2.5, size=count).round().clip(2, 16).astype(int)
    return [Prompt("group", " ".join(f"w{i}" for i in rng.integers(1, 50_000, size=length))) for length in lengths]


def contestants(
    scored_model: ScoredModel, prompts: list[Prompt], tokens: int, batch_size: int, in_loop: int
) -> dict[str, tuple[int, Callable[[], object]]]:
    """Return name → (number of continuations, function that generates them)."""
    model, tokenizer = scored_model.model, scored_model.tokenizer
    tokenizer.pad_token, tokenizer.padding_side = tokenizer.eos_token, "left"
    length = {"max_new_tokens": tokens, "pad_token_id": tokenizer.pad_token_id}
    piped = pipeline("text-generation", model=model, tokenizer=tokenizer, device=scored_model.device)

    def loop(prompts: list[Prompt], samples: int) -> None:
        for prompt in prompts:
            encoded = tokenizer(prompt.text, return_tensors="pt", return_token_type_ids=False).to(model.device)
            whole = model.generate(**encoded, **OPTIONS, **length, num_return_sequences=samples)
            tokenizer.batch_decode(whole[:, encoded["input_ids"].shape[1] :])

    texts = [prompt.text for prompt in prompts]
    sampling = Sampling(tokens)
    return {
        "ours": (len(prompts), lambda: generate(scored_model, prompts, 1, sampling, batch_size)),
        "ours, 10 samples": (len(prompts), lambda: generate(scored_model, prompts[::10], 10, sampling, batch_size)),
        "pipeline": (len(prompts), lambda: piped(texts, batch_size=batch_size, **OPTIONS, max_new_tokens=tokens)),
        "loop": (in_loop, lambda: loop(prompts[:: len(prompts) // in_loop][:in_loop], 1)),
        "loop, 10 samples": (10 * in_loop // 4, lambda: loop(prompts[:: len(prompts) // in_loop][: in_loop // 4], 10)),
    }


def main() -> None:
    """Print the continuations per second and the ratios, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model")
    parser.add_argument("--prompts", type=int, default=160)
    parser.add_argument("--in_loop", type=int, default=8, help="prompts for the loops, which are slow; at least four")
    parser.add_argument("--max_new_tokens", type=int, default=32)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.in_loop < 4:
        parser.error("--in_loop: give at least 4; the loop with ten samples uses a quarter of them")
    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.model is None:
            random_gpt2(Path(folder))
        scored_model = load_scored_model(model_source(arguments.model or folder))
    prompts = own_prompts()[: arguments.prompts] if arguments.model else words_as_prompts(arguments.prompts)
    runs = contestants(scored_model, prompts, arguments.max_new_tokens, arguments.batch_size, arguments.in_loop)
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for round_ in range(arguments.rounds):
        for name, (continuations, make) in runs.items():
            started = time.perf_counter()
            make()
            rates[name].append(continuations / (time.perf_counter() - started))
            print(f"round {round_ + 1}, {name}: {rates[name][-1]:.2f} continuations/s", flush=True)
    median = {name: statistics.median(values) for name, values in rates.items()}
    for name, rate in median.items():
        own = median["ours, 10 samples" if "10 samples" in name else "ours"]
        print(f"{name:<18}{rate:8.2f} continuations/s   ours: {own / rate:6.2f} ×", flush=True)
    RESULTS.mkdir(exist_ok=True)
    result = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "device": str(scored_model.device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
        "settings": vars(arguments) | {"model": scored_model.name if arguments.model else "GPT-2, random weights"},
        "continuations_per_second": rates,
        "median": median,
        "ours / loop": median["ours"] / median["loop"],
        "ours / loop, 10 samples": median["ours, 10 samples"] / median["loop, 10 samples"],
        "ours / pipeline": median["ours"] / median["pipeline"],
    }
    (RESULTS / "generation.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
