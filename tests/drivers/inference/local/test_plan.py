"""A step laid out: where tokens go, what they read, and who reads together."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.drivers.inference.local.pager import PageTable
from llmagentos.drivers.inference.local.plan import Plan, Span, causal

SIZE = 4


def span(pages: list[int], length: int, count: int, slot: int = 0) -> Span:
    return Span(table=PageTable(pages, length), count=count, slot=slot)


def seen(mask: torch.Tensor) -> list[str]:
    return ["".join("#" if one == 0 else "." for one in row) for row in mask]


def plan(spans: list[Span], taps: int = 1) -> Plan:
    return Plan(spans, Memory(pages=100, page_size=SIZE), taps)


def test_new_tokens_go_behind_the_old_ones_of_their_context() -> None:
    made = plan([span([7, 3], 5, 1), span([2, 9], 2, 4)])
    assert made.writes.tolist() == [
        3 * SIZE + 1,
        2 * SIZE + 2,
        2 * SIZE + 3,
        9 * SIZE,
        9 * SIZE + 1,
    ]
    assert made.positions.tolist() == [5, 2, 3, 4, 5]
    assert made.last.tolist() == [0, 4]
    [prefill] = made.view(None).prefills
    assert (prefill.start, prefill.stop) == (1, 5)
    assert prefill.rows.tolist() == [8, 9, 10, 11, 36, 37]


def test_what_lies_past_a_context_is_its_own_and_masked() -> None:
    made = plan([span([7], 2, 1), span([3, 5], 4, 1)])
    [reads] = made.view(None).decodes
    assert reads.pages.tolist() == [7, 7, 3, 5]
    assert seen(reads.mask[:, 0, 0]) == ["###.....", "#####..."]


def test_decodes_read_the_pages_of_a_window_alone() -> None:
    made = plan([span([7], 2, 1), span([3, 5, 1], 10, 1), span([8, 0, 9, 4], 12, 1)])
    [reads] = made.view(3).decodes
    assert reads.pages.tolist() == [7, 7, 1, 1, 9, 4]
    assert seen(reads.mask[:, 0, 0]) == ["###.....", "###.....", "..###..."]


def test_prefills_read_a_window_and_what_is_new() -> None:
    made = plan([span([7, 3, 6], 6, 4), span([2, 9], 0, 5), span([1], 0, 3)])
    old, long, short = made.view(3).prefills
    assert old.rows.tolist() == [12, 13, 14, 15, 24, 25]  # the first new token sees two before it
    assert old.mask is not None and long.mask is not None and short.mask is None
    assert seen(old.mask) == ["###...", ".###..", "..###.", "...###"]
    assert seen(long.mask) == ["#....", "##...", "###..", ".###.", "..###"]


def test_without_a_window_all_before_is_seen() -> None:
    made = plan([span([7, 3, 6], 6, 2), span([2, 9], 0, 5)])
    old, fresh = made.view(None).prefills
    assert old.mask is not None and fresh.mask is None
    assert seen(old.mask) == ["#######.", "########"]
    assert made.view(None) is made.view(None)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), min_size=1, max_size=6),
    st.integers(1, 50),
)
def test_every_token_sees_its_window(contexts: list[tuple[int, int]], window: int) -> None:
    spans = [
        span([20 * at + page for page in range(-(-(old + count) // SIZE))], old, count)
        for at, (old, count) in enumerate(contexts)
    ]
    spans.sort(key=lambda one: one.order)
    made = Plan(spans, Memory(pages=200, page_size=SIZE), 1)
    view, found = made.view(window), []
    for reads in view.decodes:
        rows = reads.pages.view(reads.stop - reads.start, -1, 1) * SIZE + torch.arange(SIZE)
        for own, mask in zip(rows.flatten(1), reads.mask[:, 0, 0], strict=True):
            found.append(own[mask == 0].tolist())
    for prefill in view.prefills:
        new = prefill.stop - prefill.start
        mask = causal(new) if prefill.mask is None else prefill.mask
        found += [prefill.rows[one == 0].tolist() for one in mask]
    wanted = []
    for one in spans:
        rows = [page * SIZE + at for page in one.table.pages for at in range(SIZE)]
        for at in range(one.table.length, one.length):
            wanted.append(rows[max(0, at - window + 1) : at + 1])
    assert found == wanted


@settings(deadline=None)
@given(st.lists(st.integers(1, 200), max_size=30), st.integers(0, 2))
def test_contexts_read_beside_those_of_about_their_length(lengths: list[int], long: int) -> None:
    spans = [span(list(range(-(-n // SIZE))), n - 1, 1) for n in lengths]
    spans = sorted(spans, key=lambda one: one.order) + [span([50, 51], 0, 5)] * long
    made = plan(spans) if spans else None
    parts = made.view(None).decodes if made else []
    assert [at for one in parts for at in range(one.start, one.stop)] == list(range(len(lengths)))
    for reads in parts:
        held = [-(-one.length // SIZE) for one in spans[reads.start : reads.stop]]
        assert max(held) <= 2 * min(held)
        assert len(reads.pages) == len(held) * max(held)


def test_a_last_piece_of_one_token_stands_among_those_who_write() -> None:
    spans = sorted(
        [span([1], 0, 3), span([2, 3, 4], 9, 1), span([5], 0, 1)], key=lambda one: one.order
    )
    assert [one.count for one in spans] == [1, 1, 3]
    assert [one.length for one in spans] == [1, 10, 3]


def test_convolutions_see_their_own_contexts_last_inputs() -> None:
    made = plan([span([1], 3, 1, slot=4), span([2], 0, 2, slot=6)], taps=3)
    # The buffer: two old inputs and one new of the first context, two old and two new of the next.
    assert made.windows.tolist() == [[0, 1, 2], [3, 4, 5], [4, 5, 6]]
    assert made.tails.tolist() == [[1, 2], [5, 6]]
    assert made.slots.tolist() == [4, 6]
