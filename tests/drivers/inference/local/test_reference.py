"""The engine's attention over pages gives what the transformer's formula gives."""

from __future__ import annotations

import pytest
import torch

from llmagentos.drivers.inference.local.backends.contract import Form
from llmagentos.drivers.inference.local.backends.gather import Gather
from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.drivers.inference.local.pager import PageTable
from llmagentos.drivers.inference.local.plan import Plan, Span
from llmagentos.services.learning.reference.attention import attend, causal

PAGE, DIM = 4, 8
#: How many tokens each context has in its pages, and how many are new: written one by one, read as
#: a whole, and read in a piece.
CONTEXTS = ((0, 1), (6, 1), (30, 1), (0, 9), (7, 5))


@pytest.mark.parametrize(("heads", "shared"), [(4, 1), (4, 2), (6, 3)])
def test_attention_over_pages_is_the_formulas(heads: int, shared: int) -> None:
    source = torch.Generator().manual_seed(0)
    pages = torch.randperm(32, generator=source).tolist()
    memory = Memory(pages=len(pages), page_size=PAGE)
    spans = []
    for old, count in CONTEXTS:
        table = PageTable()
        table.length = old
        for _ in range(-(-(old + count) // PAGE)):
            table.pages.append(pages.pop())
        spans.append(Span(table=table, count=count, slot=0))
    keys, values = (
        torch.randn(32 * PAGE, heads // shared, DIM, generator=source) for _ in range(2)
    )
    query = torch.randn(sum(count for _, count in CONTEXTS), heads, DIM, generator=source)
    form = Form(window=None, scaling=None, softcap=None)
    found = Gather().attend(query, keys, values, Plan(spans, memory, 0), form, None)

    start = 0
    for span in spans:
        rows = [page * PAGE + at for page in span.table.pages for at in range(PAGE)]
        mine = query[start : start + span.count].transpose(0, 1)
        k, v = (
            one[rows[: span.length]].transpose(0, 1).repeat_interleave(shared, 0)
            for one in (keys, values)
        )
        wanted, _ = attend(mine, k, v, causal(span.count, span.length))
        assert (found[start : start + span.count] - wanted.transpose(0, 1)).abs().max() <= 1e-6
        start += span.count
