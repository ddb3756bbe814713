"""Drives a runner by hand: contexts join, are read in pieces of their own lengths, and leave.

Interface:
    worst           how far any logits of a model are from its own
"""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor

from llmagentos.drivers.inference.local.pager import PageTable
from llmagentos.drivers.inference.local.plan import Span
from llmagentos.drivers.inference.local.runner import Runner

#: When a context joins, its tokens, and how many of them each of its steps reads, in turn. So that
#: prompts are read whole and in pieces, beside others that are written on, over and within a window
#: of 8 tokens.
CONTEXTS = (
    (0, 5, (3, 1)),
    (0, 41, (16, 1, 7)),
    (1, 1, (1,)),
    (2, 33, (32, 1)),
    (4, 12, (1,)),
    (6, 23, (9, 2, 1)),
    (8, 50, (20, 1, 1, 1)),
)
PAGES, SIZE, SLOTS = 60, 4, 5
SHAPE = {"pages": PAGES, "page_size": SIZE, "contexts": SLOTS}


def worst(model: Any, **fields: Any) -> float:
    """Return the largest difference of any logit, in units of its token's logits' spread.

    The model is a `Runner`'s from then on, which is made with `fields`.
    """
    source = torch.Generator().manual_seed(1)
    prompts = [torch.randint(3, 250, (n,), generator=source).tolist() for _, n, _ in CONTEXTS]
    with torch.inference_mode():
        wanted = [
            model(input_ids=torch.tensor([one], device=model.device), use_cache=False).logits[0]
            for one in prompts
        ]
    runner = Runner(model, **{**SHAPE, **fields})
    dice, free, slots = random.Random(2), list(range(PAGES)), list(range(SLOTS))
    running: dict[int, Span] = {}
    step, most = 0, 0.0
    while step <= max(joins for joins, _, _ in CONTEXTS) or running:
        for at, (joins, _, _) in enumerate(CONTEXTS):
            if joins == step:
                running[at] = Span(table=PageTable(), count=0, slot=slots.pop())
                runner.memory.forget(running[at].slot)
        for at, span in running.items():
            pieces, left = CONTEXTS[at][2], len(prompts[at]) - span.table.length
            count = min(pieces[step % len(pieces)], left)
            running[at] = span = Span(table=span.table, count=count, slot=span.slot)
            while len(span.table.pages) * runner.memory.page_size < span.length:
                # Any page: those of a context neither follow each other nor rise.
                span.table.pages.append(free.pop(dice.randrange(len(free))))
        order = sorted(running, key=lambda at: running[at].order)
        tokens = [
            t for at in order for t in prompts[at][running[at].table.length : running[at].length]
        ]
        found = runner.step([running[at] for at in order], tokens)
        for at, logits in zip(order, found, strict=True):
            span = running[at]
            most = max(most, _apart(wanted[at][span.length - 1], logits))
            span.table.length = span.length
            if span.table.length == len(prompts[at]):
                slots.append(span.slot)
                free += span.table.pages
                del running[at]
        step += 1
    return most


def _apart(wanted: Tensor, found: Tensor) -> float:
    return float((wanted - found).abs().max() / wanted.std())
