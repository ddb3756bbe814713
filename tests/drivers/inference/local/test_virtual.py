"""Contexts that share, fork, are swapped and discarded: what each reads is what was written for it.

The memory holds tokens in place of keys and values, so that each context's text can be read back.
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from llmagentos.drivers.inference.local.context import Context
from llmagentos.drivers.inference.local.memory import Memory
from llmagentos.drivers.inference.local.pager import NOWHERE, Page, Pager
from llmagentos.drivers.inference.local.processes import Processes
from llmagentos.drivers.inference.local.virtual import VirtualMemory

PAGES, SIZE, PLACES, SLOTS = 16, 4, 6, 3
#: Few enough that texts begin alike.
TOKENS = st.sampled_from([1, 1, 1, 2])
WHICH = st.integers(0, 30)
#: Most take pages from earlier texts.
CACHED = st.sampled_from([True, True, True, False])


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(pages=PAGES, page_size=SIZE)
        like = torch.zeros(1, 1, 1, 1)
        self.kept = self.memory.pages(0, like, like)
        # What a convolution keeps of a context is the number of tokens that it has seen.
        self.memory.inputs[0] = torch.zeros(SLOTS, 1, 1)
        self.pager = Pager(PAGES, SIZE, PLACES)
        self.virtual = VirtualMemory(
            self.memory,
            self.pager,
            slots=SLOTS,
            processes=Processes(lambda: 0.0),
            clock=lambda: 0.0,
        )
        self.made: list[Context] = []

    @property
    def contexts(self) -> list[Context]:
        """Those that are left; what lingers may be closed whenever room is made."""
        return [one for one in self.made if one in self.virtual.of(one.pid)]

    def idle(self, which: int) -> Context | None:
        """Choose one that does not run."""
        those = [one for one in self.contexts if not one.table.wired]
        return those[which % len(those)] if those else None

    @initialize()
    def begin(self) -> None:
        for principal in "aab":
            self.open([1, 1, 1, 1, 1, 1, 1, 1, 1], True, principal)

    @rule(tokens=st.lists(TOKENS, min_size=1, max_size=14), cached=CACHED,
          principal=st.sampled_from("aab"))  # fmt: skip
    def open(self, tokens: list[int], cached: bool, principal: str) -> None:
        # Principals' tokens differ, so that a page taken from another's tree would show.
        mine = [10 * ord(principal) + one for one in tokens]
        context = Context(1 + len(self.made) % 3, principal, mine)
        self.virtual.open(context, cached)
        self.made.append(context)

    @rule(which=WHICH, cached=CACHED)
    def fork(self, which: int, cached: bool) -> None:
        parent, free = self.idle(which), self.pager.free
        if parent is not None:
            child = self.virtual.fork(parent, cached)
            assert self.pager.free == free
            assert child.table.held == parent.table.held and child.tokens == parent.tokens
            self.made.append(child)

    @rule(which=WHICH, more=st.integers(1, 9), token=TOKENS, stays=st.booleans())
    def run(self, which: int, more: int, token: int, stays: bool) -> None:
        """Let one read, or write where it has read all."""
        those = [one for one in self.contexts if one not in self.virtual._last.values()]
        if not those:
            return
        context = those[which % len(those)]
        if not context.table.wired and not self.enter(context):
            return
        self.step(context, more, token)
        if not stays:
            self.virtual.leave(context)

    @rule(which=WHICH, more=st.integers(1, 9), token=TOKENS)
    def run_on(self, which: int, more: int, token: int) -> None:
        self.run(which, more, token, True)

    def enter(self, context: Context) -> bool:
        self.virtual.take(context)
        if self.virtual.enter(context, lambda other: other is not context):
            assert int(self.memory.inputs[0][context.slot]) == context.table.length
            return True
        running = {page for one in self.contexts if one.table.wired for page in one.table.held}
        slots = sum(one.table.wired for one in self.contexts)
        assert slots == SLOTS or len(running | set(context.table.held)) > PAGES
        return False

    def step(self, context: Context, more: int, token: int) -> None:
        table = context.table
        self.virtual.take(context)
        assert int(self.memory.inputs[0][context.slot]) == table.length
        if table.length + 1 >= len(context.tokens):
            context.tokens.append(10 * ord(context.principal) + token)
        count = min(more, len(context.tokens) - table.length)
        end = table.length + count
        if not self.virtual.prepare(context, end, lambda other: True, forced=True):
            return
        with torch.inference_mode():
            for at in range(table.length, end):
                page = table.held[at // SIZE]
                assert page.holders == 1 and page.frame == table.pages[at // SIZE]
                for kept in self.kept:
                    kept[page.frame * SIZE + at % SIZE] = context.tokens[at]
            self.memory.inputs[0][context.slot] = float(end)
        filled = range(table.length // SIZE + 1, end // SIZE + 1)
        marks = [torch.tensor([float(at * SIZE)]) for at in filled]
        self.virtual.wrote(context, count, marks)

    @rule(which=WHICH)
    def leave(self, which: int) -> None:
        those = [one for one in self.contexts if one.table.wired]
        if those:
            self.virtual.leave(those[which % len(those)])

    @rule(which=WHICH, frames=st.none() | st.integers(1, 5))
    def swap(self, which: int, frames: int | None) -> None:
        if (context := self.idle(which)) is not None:
            self.virtual.swap(context, frames)

    @rule(which=WHICH, way=st.sampled_from(["discard", "cut", "close", "linger", "linger"]))
    def part(self, which: int, way: str) -> None:
        context = self.idle(which)
        if context is None:
            return
        if way == "close":
            self.virtual.close(context)
        elif way == "linger":
            if self.virtual._last.get(context.pid) is not context:
                self.virtual.linger(context)
        elif way == "discard":
            self.virtual.discard(context)
            assert not context.table.held and not context.table.length
        else:
            self.virtual.cut(context, which % len(context.tokens) + 1)
            assert context.table.length < len(context.tokens)

    @rule(frames=st.integers(0, 4), places=st.integers(0, 2))
    def evict(self, frames: int, places: int) -> None:
        self.virtual.tree.evict(frames, places)

    def nodes(self) -> list[Page]:
        found, nodes = [], list(self.virtual.tree._roots.values())
        while nodes:
            node = nodes.pop()
            nodes += node.children.values()
            for child in node.children.values():
                if node.parent is not None and node.page.holders == 1:
                    assert child.used <= node.used
                found.append(child.page)
        return found

    @invariant()
    def counts_are_those_of_the_holders(self) -> None:
        nodes = self.nodes()
        holders = Counter(page for one in self.contexts for page in one.table.held)
        wires = Counter(p for one in self.contexts if one.table.wired for p in one.table.held)
        pages = {*holders, *nodes}
        assert len(set(nodes)) == len(nodes)
        for page in pages:
            assert page.holders == holders[page] + (page in nodes)
            assert page.wires == wires[page] and page.cached == (page in nodes)
            assert (page.frame == NOWHERE) != (page.place == NOWHERE)
            assert page.frame != NOWHERE or not page.wires
        frames = [page.frame for page in pages if page.frame != NOWHERE]
        places = [page.place for page in pages if page.place != NOWHERE]
        assert len(set(frames)) == len(frames) == PAGES - self.pager.free
        assert len(set(places)) == len(places) == self.pager.swapped

    @invariant()
    def what_a_context_reads_was_written_for_it(self) -> None:
        hosted = self.virtual._store._kept
        for context in self.contexts:
            table = context.table
            if table.wired:
                assert table.pages == [page.frame for page in table.held]
            for at in range(table.length):
                page = table.held[at // SIZE]
                for number, kept in enumerate(self.kept):
                    if page.frame != NOWHERE:
                        found = kept[page.frame * SIZE + at % SIZE]
                    else:
                        found = hosted[number][page.place][at % SIZE]
                    assert int(found) == context.tokens[at]

    @invariant()
    def a_context_stands_at_its_node(self) -> None:
        for context in self.contexts:
            node, depth = context.node, 0
            full = context.table.length // SIZE
            while node is not None and node.parent is not None:
                depth += 1
                assert node.page is context.table.held[full - depth]
                node = node.parent
            assert context.node is None or depth == full
            if not context.table.wired and context.table.length:
                assert context.state is not None and int(context.state) == context.table.length


Machine.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
test_no_page_is_lost_and_none_is_written_by_two = Machine.TestCase


@pytest.fixture
def virtual() -> VirtualMemory:
    return VirtualMemory(
        Memory(pages=PAGES, page_size=SIZE),
        Pager(PAGES, SIZE, PLACES),
        slots=SLOTS,
        processes=Processes(lambda: 0.0),
        clock=lambda: 0.0,
    )


def write(virtual: VirtualMemory, context: Context, count: int) -> None:
    """Let a context run alone until so many tokens are written."""
    assert virtual.enter(context, lambda other: True)
    assert virtual.prepare(context, count, lambda other: True, forced=True)
    virtual.wrote(context, count - context.table.length, [])
    virtual.leave(context)


def taken(virtual: VirtualMemory, first: Context, second: Context) -> int:
    """Let a context be read but for its last token; return how much of it another one finds."""
    for one in (first, second):
        virtual.open(one)
    write(virtual, first, len(first.tokens) - 1)
    virtual.take(second)
    assert second.table.held == first.table.held[: len(second.table.held)]
    return second.table.length


def test_a_text_that_was_read_is_not_read_again(virtual: VirtualMemory) -> None:
    assert taken(virtual, Context(1, "a", [7] * 10), Context(2, "a", [7] * 9)) == 8


def test_the_last_token_is_always_read(virtual: VirtualMemory) -> None:
    assert taken(virtual, Context(1, "a", [7] * 9), Context(1, "a", [7] * 8)) == 4


def test_nobody_is_shown_what_another_principal_has_read(virtual: VirtualMemory) -> None:
    assert taken(virtual, Context(1, "a", [7] * 10), Context(2, "b", [7] * 9)) == 0


def test_a_page_that_two_hold_is_swapped_once(virtual: VirtualMemory) -> None:
    parent = Context(1, "a", [7] * 9)
    virtual.open(parent)
    write(virtual, parent, 9)
    child = virtual.fork(parent)
    virtual.swap(parent)
    virtual.swap(child)
    assert virtual.pager.swapped == 3 and virtual.pager.free == PAGES
    assert virtual.enter(child, lambda other: True)
    assert virtual.pager.swapped == 0


def test_twins_that_read_at_once_hold_the_same_pages_after(virtual: VirtualMemory) -> None:
    both = [Context(1, "a", [7] * 9), Context(1, "a", [7] * 9)]
    for one in both:
        virtual.open(one)
        assert virtual.enter(one, lambda other: True)
        assert virtual.prepare(one, 9, lambda other: True, forced=True)
    assert virtual.pager.free == PAGES - 6
    for one in both:
        virtual.wrote(one, 9, [])
    assert both[0].table.pages[:2] == both[1].table.pages[:2]
    assert virtual.pager.free == PAGES - 4
