"""What the kernels of torch lack is computed in pieces; and no key is kept twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference.local.backends import gather
from llmagentos.drivers.inference.local.pager import PageTable
from llmagentos.drivers.inference.local.plan import Span
from llmagentos.drivers.inference.local.runner import Runner

from .packed import worst

Build = Callable[..., Any]


@pytest.mark.parametrize("limit", ["SCORES", "GATHERED"])
@pytest.mark.parametrize("kind", ["gemma2", "gpt_oss", "mistral"])
def test_what_is_much_is_computed_in_pieces(
    kind: str, limit: str, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, limit, 200)
    assert worst(build(kind, sliding_window=8, head_dim=16)) <= 1e-5


def step(runner: Runner, pages: list[int], length: int, tokens: list[int]) -> torch.Tensor:
    table = PageTable(pages, length)
    return runner.step([Span(table=table, count=len(tokens), slot=0)], tokens)


def test_layers_that_share_keys_and_values_keep_them_once(build: Build) -> None:
    runner = Runner(
        build(
            "gemma3n_text",
            num_hidden_layers=4,
            num_kv_shared_layers=2,
            layer_types=["sliding_attention", "full_attention"] * 2,
            head_dim=16,
            hidden_size_per_layer_input=8,
            vocab_size_per_layer_input=259,
            laurel_rank=8,
            activation_sparsity_pattern=None,
        ),
        pages=4,
        page_size=4,
        contexts=1,
    )
    step(runner, [2], 0, [5, 6, 7])
    numbers = 2 * 2 * 2 * 16  # layers, keys and values, heads, size of each
    assert runner.memory.bytes_per_token == numbers * 4


def test_what_lies_before_a_window_is_never_read(build: Build) -> None:
    runner = Runner(build("mistral", sliding_window=4), pages=8, page_size=2, contexts=1)
    pages = [3, 1, 6, 0, 5]
    step(runner, pages, 0, [5, 6, 7, 8, 9, 10, 11, 12])
    first = step(runner, pages, 8, [13])
    with torch.inference_mode():
        for layer in runner.memory._kept.values():
            for kept in layer:
                kept[[6, 7, 2, 3]] = float("nan")  # pages 3 and 1
    assert torch.equal(first, step(runner, pages, 8, [13]))
