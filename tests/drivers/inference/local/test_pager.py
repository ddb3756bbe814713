"""Pages: none is lost, none has two owners that do not share it."""

from __future__ import annotations

from collections import Counter

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

    @rule(data=st.data())
    def share(self, data: st.DataObject) -> None:
        if self.tables:
            table = data.draw(st.sampled_from(self.tables))
            count = data.draw(st.integers(0, len(table.pages)))
            shared = self.pager.share(table, count)
            assert shared.pages == table.pages[:count] and shared.length == count * SIZE
            self.tables.append(shared)

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


Pool.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
test_no_page_is_lost_and_none_has_two_owners = Pool.TestCase


def test_a_pool_says_what_it_holds() -> None:
    pager = Pager(3, 16)
    assert (pager.capacity, pager.free) == (48, 3)
    assert [pager.needed(tokens) for tokens in (0, 1, 16, 17)] == [0, 1, 1, 2]
