"""One thread for torch: the tests' networks are small."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)
