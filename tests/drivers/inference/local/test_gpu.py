"""On a GPU: the model's own logits by whatever attends, also when steps are played from graphs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference.local.engine import PagedEngine
from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.drivers.inference.local.pager import Pager, PageTable
from llmagentos.drivers.inference.local.plan import Span
from llmagentos.drivers.inference.local.probe import proved
from llmagentos.drivers.inference.local.runner import Runner
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
#: Products of matrices have 16 rows and columns at least, so heads have a dim of 16.
WIDE = {"hidden_size": 64}


@pytest.mark.parametrize("name", ["gather", "flex"])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_transformers(kind: str, name: str, build: Build) -> None:
    model = build(kind, **KINDS[kind], **WIDE).cuda()
    assert worst(model, backend=name, page_size=16) <= CLOSE


@pytest.mark.parametrize("name", ["gather", "flex"])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_in_16_bits_are_close(kind: str, name: str, build: Build) -> None:
    model = build(kind, **KINDS[kind], **WIDE).to("cuda", torch.bfloat16)
    assert worst(model, backend=name, page_size=16) <= COARSE


@pytest.mark.parametrize(("name", "size"), [("flash_attn", 256), ("flashinfer", 16)])
@pytest.mark.parametrize("kind", ["llama", "mistral", "gemma2", "gpt_oss"])
def test_logits_of_kernels_over_page_tables_are_close(
    kind: str, name: str, size: int, build: Build
) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    model = build(kind, **{**KINDS[kind], "head_dim": 64}).to("cuda", torch.bfloat16)
    assert worst(model, backend=name, page_size=size) <= COARSE


@pytest.mark.parametrize("heads", [1, 4])
def test_steps_are_played_from_graphs(heads: int, build: Build) -> None:
    if find_spec("flashinfer") is None:
        pytest.skip("flashinfer is not installed")
    fields = {"head_dim": 64, "num_key_value_heads": heads, "max_position_embeddings": 128}
    model = build("llama", **fields).to("cuda", torch.bfloat16)
    found = list[torch.Tensor]()
    for played in (True, False):
        runner = Runner(model, pages=24, contexts=3, backend="flashinfer")
        graphs = runner._graphs
        assert graphs is not None
        if not played:
            runner._graphs = None
        for _ in range(2):
            tables = [PageTable(list(range(at * 8, at * 8 + 8))) for at in range(3)]
            for number in range(40):
                spans = [Span(table=one, count=1, slot=at) for at, one in enumerate(tables)]
                logits = runner.step(spans, [number + 3, 7, 100 - number])
                found.append(logits.float().cpu())
                for one in tables:
                    one.length += 1
            assert list(graphs._graphs) == ([4] if played else [])
            runner.resize(24)
    once, again, plain, _ = torch.stack(found).split(40)
    assert torch.equal(once, again)
    assert (once - plain).abs().max() / plain.std() <= COARSE


@pytest.mark.parametrize("name", ["gather", "flex"])
def test_replies_beside_each_other_are_those_of_generate(
    name: str, build: Build, sequence: Callable[..., Any]
) -> None:
    model, other = (build("llama", **WIDE).cuda() for _ in range(2))
    source = torch.Generator().manual_seed(3)
    prompts = [torch.randint(3, 250, (n,), generator=source).tolist() for n in (3, 70, 17, 33)]
    engine = PagedEngine(proved(model, name, 4), Pager(40, 16, 8), contexts=4)
    engine._runner.resize(40)
    engine.start()
    made = [sequence(prompt, limit=12, pid=at + 1) for at, prompt in enumerate(prompts)]
    for call, _ in made:
        engine.open(call.context)
        engine.submit(call)
    for prompt, (call, reader) in zip(prompts, made, strict=True):
        assert reader.done() and not reader.errors
        ids = torch.tensor([prompt], device="cuda")
        wanted = other.generate(ids, max_new_tokens=12, do_sample=False, eos_token_id=-1)
        assert call.context.tokens == wanted[0].tolist()
    engine.close()


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
