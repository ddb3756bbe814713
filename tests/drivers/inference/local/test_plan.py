"""A step laid out: where tokens go, what they read, and who reads together."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.drivers.inference.local.pager import PageTable
from llmagentos.drivers.inference.local.plan import Plan, Span

SIZE = 4


def span(pages: list[int], length: int, count: int, slot: int = 0) -> Span:
    return Span(table=PageTable(pages, length), count=count, slot=slot)


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
    [(rows, _)] = made.prefills
    assert rows.tolist() == [8, 9, 10, 11, 36, 37]


def test_what_lies_past_a_context_is_its_own_and_masked() -> None:
    made = plan([span([7], 2, 1), span([3, 5], 4, 1)])
    [reads] = made.reads
    assert reads.pages.tolist() == [7, 7, 3, 5]
    assert reads.mask[:, 0, 0].tolist() == [[True] * 3 + [False] * 5, [True] * 5 + [False] * 3]


@settings(deadline=None)
@given(st.lists(st.integers(1, 200), max_size=30), st.integers(0, 2))
def test_contexts_read_beside_those_of_about_their_length(lengths: list[int], long: int) -> None:
    spans = [span(list(range(-(-n // SIZE))), n - 1, 1) for n in lengths]
    spans = sorted(spans, key=lambda one: one.order) + [span([50, 51], 0, 5)] * long
    made = plan(spans) if spans else None
    seen = [] if made is None else [at for r in made.reads for at in range(r.start, r.stop)]
    assert seen == list(range(len(lengths)))
    for reads in made.reads if made else []:
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
