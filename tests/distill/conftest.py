"""Tiny tensors are quickest on one thread, also while other tests run beside them."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
