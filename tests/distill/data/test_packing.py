"""Documents are packed whole."""

import copy

from distill.data.datamodule import CounterfactualDataModule


def test_a_tokenizer_with_limits_gives_whole_documents(tokenizer, tmp_path):
    limited = copy.deepcopy(tokenizer)
    limited("she said", truncation=True, max_length=2)
    limited.backend_tokenizer.enable_padding(length=9)
    text = tmp_path / "text.txt"
    text.write_text("The nurse said that she was late. " * 4)
    data = CounterfactualDataModule(limited, train=str(text), num_proc=1, cache_dir=str(tmp_path / "cache"))
    data.prepare_data()
    tokens = next((tmp_path / "cache").glob("*/tokens.bin")).stat().st_size // 2
    assert tokens == len(tokenizer(text.read_text().rstrip("\n"))["input_ids"]) + 1
