"""Pages: none is lost, none is written by two."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from llmagentos.drivers.inference.local.pager import Pager, PageTable

PAGES, SIZE = 12, 4


class Pool(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pager = Pager(PAGES, SIZE)
        self.tables: list[PageTable] = []

    @rule(tokens=st.integers(0, PAGES * SIZE + 1))
    def begin(self, tokens: int) -> None:
        table = PageTable()
        self.allocate(table, tokens)
        self.tables.append(table)

    @rule(data=st.data(), more=st.integers(0, 3 * SIZE))
    def grow(self, data: st.DataObject, more: int) -> None:
        if self.tables:
            table = data.draw(st.sampled_from(self.tables))
            self.allocate(table, len(table.pages) * SIZE + more)

    def allocate(self, table: PageTable, tokens: int) -> None:
        before, free = list(table.pages), self.pager.free
        wanted = self.pager.needed(tokens) - len(before)
        assert self.pager.allocate(table, tokens) == (wanted <= free)
        if wanted > free:
            assert table.pages == before and self.pager.free == free
        else:
            assert table.pages[: len(before)] == before
            assert len(table.pages) * SIZE >= tokens
        table.length = max(table.length, min(tokens, len(table.pages) * SIZE))

    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        if self.tables:
            table, free = data.draw(st.sampled_from(self.tables)), self.pager.free
            child = self.pager.fork(table)
            assert child == table and child.pages is not table.pages
            assert self.pager.free == free
            self.tables.append(child)

    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        if self.tables:
            table = data.draw(st.sampled_from(self.tables))
            at = table.length // SIZE
            if self.pager.shares(table) and self.pager.free:
                old = list(table.pages)
                moves = self.pager.own(table)
                assert moves == ([old[at]], [table.pages[at]])
                assert all(table is one or table.pages[at] not in one.pages for one in self.tables)
            elif at < len(table.pages) and not self.pager.shares(table):
                assert self.pager.own(table) is None

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.tables:
            table = self.tables.pop(data.draw(st.integers(0, len(self.tables) - 1)))
            others = {page for one in self.tables for page in one.pages}
            own = set(table.pages) - others
            assert set(self.pager.release(table)) == own
            assert table == PageTable()

    @invariant()
    def every_page_is_free_or_held(self) -> None:
        held = Counter(page for table in self.tables for page in set(table.pages))
        assert self.pager.free + len(held) == PAGES
        for table in self.tables:
            assert len(set(table.pages)) == len(table.pages)
            for page in table.held:
                assert page.holders == held[page.frame]


Pool.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
test_no_page_is_lost_and_none_is_written_by_two = Pool.TestCase


def test_a_pool_says_what_it_holds() -> None:
    pager = Pager(3, 16, 5)
    assert (pager.capacity, pager.free, pager.places, pager.swapped) == (48, 3, 5, 0)
    assert [pager.needed(tokens) for tokens in (0, 1, 16, 17)] == [0, 1, 1, 2]


def test_pages_go_to_the_host_and_come_back() -> None:
    pager, table = Pager(3, 4, 2), PageTable()
    assert pager.allocate(table, 8)
    frames = list(table.pages)
    moved, places = pager.move_out(table.held)
    assert moved == frames and pager.free == 3 and pager.swapped == 2
    assert pager.missing(table) == 2
    assert pager.move_in(table) == (places, table.pages)
    assert pager.free == 1 and pager.swapped == 0 and not pager.missing(table)


def test_a_page_that_is_let_go_in_the_host_leaves_its_place() -> None:
    pager, table = Pager(3, 4, 2), PageTable()
    pager.allocate(table, 8)
    pager.move_out(table.held)
    assert pager.release(table) == []
    assert (pager.free, pager.places) == (3, 2)


def test_a_write_without_a_free_page_is_an_error_and_changes_nothing() -> None:
    pager, table = Pager(1, 4), PageTable()
    pager.allocate(table, 2)
    table.length = 2
    child = pager.fork(table)
    with pytest.raises(IndexError):
        pager.own(child)
    assert child.held == table.held and table.held[0].holders == 2
