"""On a GPU: the model's own logits by whatever attends, also when steps are played from graphs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.drivers.inference.local.swap import SwapStore

from .packed import SIZE, worst
from .test_backends import KINDS

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]
Build = Callable[..., Any]
#: In units of the logits' spread: of products that a GPU adds in another order, and in 16 bits.
CLOSE, COARSE = 1e-3, 0.2


@pytest.mark.parametrize("name", ["gather", "flex"])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_transformers(kind: str, name: str, build: Build) -> None:
    # Blocks of a product have 16 rows at least.
    fields = {"backend": name, **({"page_size": 16} if name == "flex" else {})}
    assert worst(build(kind, **KINDS[kind]).cuda(), **fields) <= CLOSE


@pytest.mark.parametrize(("name", "size"), [("flash_attn", 256), ("flashinfer", 16)])
@pytest.mark.parametrize("kind", ["llama", "mistral", "gemma2", "gpt_oss"])
def test_logits_of_kernels_over_page_tables_are_close(
    kind: str, name: str, size: int, build: Build
) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    model = build(kind, **{**KINDS[kind], "head_dim": 64}).to("cuda", torch.bfloat16)
    assert worst(model, backend=name, page_size=size) <= COARSE


def test_pages_come_back_from_pinned_memory() -> None:
    memory = Memory(pages=4, page_size=SIZE, device="cuda")
    keys = torch.randn(1, 2, 1, 8, device="cuda")
    memory.pages(0, keys, keys)
    with torch.inference_mode():
        for one in memory.frames:
            one.normal_()
    before = [one.clone() for one in memory.frames]
    store = SwapStore(memory, 3)
    store.save([1, 3], [2, 0])
    memory.wipe([0, 1, 2, 3])
    store.load([0, 2], [0, 2])
    torch.cuda.synchronize()
    pages, seconds = store.save([0], [1]) or (0, 0.0)
    assert pages == 2 and seconds > 0
    for old, new in zip(before, memory.frames, strict=True):
        assert torch.equal(new[0], old[3]) and torch.equal(new[2], old[1])
