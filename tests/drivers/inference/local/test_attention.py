"""Logits are those of transformers, however contexts share a step: at most 1e-5 of their spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from llmagentos.drivers.inference.local.attention import MISSING, paged_attention
from llmagentos.drivers.inference.local.pager import Pager, PageTable
from llmagentos.drivers.inference.local.plan import Span
from llmagentos.drivers.inference.local.runner import Runner

#: When a context joins, its tokens, and how many of them each of its steps reads, in turn.
CONTEXTS = (
    (0, 5, (3, 1)),
    (0, 41, (16, 1, 7)),
    (1, 1, (1,)),
    (2, 33, (32, 1)),
    (4, 12, (1,)),
    (6, 23, (9, 2, 1)),
)
LFM2 = {"layer_types": ["conv", "full_attention", "conv"], "num_hidden_layers": 3}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", {"head_dim": 16}),
    "mixtral": ("mixtral", {"num_local_experts": 4}),
    "olmo2": ("olmo2", {}),
    "granite": ("granite", {"attention_multiplier": 0.3}),
    "phi3": ("phi3", {}),
    "gpt2": ("gpt2", {"num_key_value_heads": None}),
    "lfm2 with 3 taps": ("lfm2", {**LFM2, "conv_L_cache": 3}),
    "lfm2 with 5 taps": ("lfm2", {**LFM2, "conv_L_cache": 5, "conv_bias": True}),
    "lfm2_moe": ("lfm2_moe", {**LFM2, "num_dense_layers": 1, "num_experts": 4,
                              "num_experts_per_tok": 2, "moe_intermediate_size": 16}),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_transformers(kind: str, build: Callable[..., Any]) -> None:
    name, changes = KINDS[kind]
    model = build(name, **changes)
    source = torch.Generator().manual_seed(1)
    prompts = [torch.randint(3, 250, (n,), generator=source).tolist() for _, n, _ in CONTEXTS]
    with torch.inference_mode():
        wanted = [
            model(input_ids=torch.tensor([one]), use_cache=False).logits[0] for one in prompts
        ]
    runner = Runner(model, pages=24, page_size=4, contexts=4)
    pager, slots = Pager(24, 4), [0, 1, 2, 3]
    running: dict[int, Span] = {}
    step, worst = 0, 0.0
    while step <= 6 or running:
        for at, (joins, _, _) in enumerate(CONTEXTS):
            if joins == step:
                slot = slots.pop()
                runner.memory.forget(slot)
                running[at] = Span(table=PageTable(), count=0, slot=slot)
        for at, old in running.items():
            count = CONTEXTS[at][2][step % len(CONTEXTS[at][2])]
            left = len(prompts[at]) - old.table.length
            running[at] = Span(table=old.table, count=min(count, left), slot=old.slot)
            assert pager.allocate(old.table, running[at].length)
        order = sorted(running, key=lambda at: running[at].order)
        tokens = [
            t for at in order for t in prompts[at][running[at].table.length : running[at].length]
        ]
        found = runner.step([running[at] for at in order], tokens)
        for at, logits in zip(order, found, strict=True):
            span = running[at]
            right = wanted[at][span.length - 1]
            worst = max(worst, float((logits - right).abs().max() / right.std()))
            span.table.length = span.length
            if span.table.length == len(prompts[at]):
                slots.append(span.slot)
                pager.release(span.table)
                del running[at]
        step += 1
    assert worst <= 1e-5
    assert pager.free == 24


@pytest.mark.parametrize("feature", MISSING)
def test_another_kind_of_attention_is_never_taken_for_this_one(feature: str) -> None:
    given: dict[str, Any] = {feature: 8}
    nothing = torch.zeros(1, 1, 1, 1)
    with pytest.raises(NotImplementedError, match=feature):
        paged_attention(None, nothing, nothing, nothing, None, plan=None, **given)  # type: ignore[arg-type]
