"""The device's memory as contexts see it: each has its text there, whether or not there is room.

Interface:
    VirtualMemory   `open`, `fork`, `close`; for a context that runs `take`, `enter`, `prepare`,
                    `wrote`, `leave`; for one that does not `swap`, `discard`, `wipe`, `cut`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from torch import Tensor

from .context import Context
from .eviction import Candidate, Costs, LeastWaste, Standing
from .memory import Memory
from .pager import NOWHERE, Page, Pager
from .prefix import PrefixTree
from .processes import Processes
from .swap import Measured, SwapStore

#: Pages that are moved at once at least, where somebody has so many.
BATCH = 16
#: Whether a context may be asked for its pages.
Allowed = Callable[[Context], bool]


class VirtualMemory:
    """Owns all pages and the places in the convolutions' memory. The engine's lock guards it."""

    def __init__(
        self,
        memory: Memory,
        pager: Pager,
        *,
        slots: int,
        processes: Processes,
        clock: Callable[[], float],
    ) -> None:
        self.pager = pager
        self.costs = Costs()
        self.tree = PrefixTree(pager)
        self._memory = memory
        self._store = SwapStore(memory, pager.places)
        self._policy = LeastWaste(self.costs)
        self._processes = processes
        self._clock = clock
        self._slots = list(range(slots - 1, -1, -1))
        self._contexts: dict[int, set[Context]] = {}
        self._last: dict[int, Context] = {}  # the first one has been quiet for the longest

    def __iter__(self) -> Iterator[Context]:
        for contexts in self._contexts.values():
            yield from contexts

    def of(self, pid: int) -> set[Context]:
        """Return the contexts of a process."""
        return self._contexts.get(pid, set())

    def held(self, pid: int, besides: Context | None = None) -> int:
        """Return how many pages a process holds in contexts that stay and in those that run, with
        those of one that is not among them."""
        return len(set[Page]().union(*self._counted(pid, besides)))

    def most_held(self, pid: int) -> int:
        """Return what `held` returns at most; quicker."""
        return sum(map(len, self._counted(pid)))

    def _counted(self, pid: int, besides: Context | None = None) -> list[list[Page]]:
        return [
            one.table.held for one in self.of(pid) if one.stays or one.table.wired or one is besides
        ]

    # Contexts come and go.

    def open(self, context: Context, cached: bool = True) -> None:
        """Let a new context in; `cached` ones take pages from earlier texts and leave theirs."""
        if cached:
            context.node = self.tree.root(context.principal)
        self._add(context)

    def fork(self, context: Context, cached: bool = True) -> Context:
        """Return a context over the same pages as one that does not run. If it is not `cached`, it
        leaves nothing for later texts and goes with its call."""
        child = replace(
            context,
            tokens=context.tokens.copy(),
            node=context.node if cached else None,
            table=self.pager.fork(context.table),
            call=None,
            handle=None,
            stays=cached,
            pinned=None,
            idle=self._clock(),
        )
        self._add(child)
        return child

    def linger(self, context: Context) -> None:
        """Keep what a process has said last, until it says more or others need the pages. They are
        still its own, so that it matters what it does meanwhile."""
        if (old := self._last.get(context.pid)) is not None:
            self.close(old)
        self._last[context.pid] = context

    def close(self, context: Context) -> None:
        """Let a context out that does not run."""
        if self._last.get(context.pid) is context:
            del self._last[context.pid]
        contexts = self._contexts[context.pid]
        contexts.discard(context)
        if not contexts:
            del self._contexts[context.pid]
        self.discard(context)

    def _add(self, context: Context) -> None:
        self._contexts.setdefault(context.pid, set()).add(context)

    # A context that runs.

    def take(self, context: Context) -> None:
        """Let a context hold what earlier texts have left of the tokens that it is to read next;
        the last token is always left for it to read."""
        if context.node is None:
            return
        table, size = context.table, self.pager.size
        start = table.length // size
        found = self.tree.walk(context.node, context.tokens, start * size, len(context.tokens) - 1)
        if table.wired:  # there may be no room for what lies in the host
            resident = [one.page.frame != NOWHERE for one in found]
            found = found[: resident.index(False) if False in resident else None]
        if self._memory.inputs:
            while found and found[-1].state is None:
                found.pop()
        if not found:
            return
        self.pager.cut(table, start)
        self.pager.extend(table, [one.page for one in found])
        context.node = found[-1]
        if context.slot < 0:
            context.state = context.node.state
        else:
            self._memory.load(context.slot, context.node.state)

    def enter(self, context: Context, allowed: Allowed) -> bool:
        """Bring a context into the device and give it a slot; False where there is no room."""
        table = context.table
        if not self._slots:
            return False
        self.pager.wire(table)  # others may hold its pages too, and be asked for them
        if not self._room(self.pager.missing(table), allowed, True):
            self.pager.unwire(table)
            return False
        places, frames = self.pager.move_in(table)
        if frames:
            self._moved(self._store.load(places, frames))
        context.slot = self._slots.pop()
        self._memory.load(context.slot, context.state)
        context.state = None
        return True

    def leave(self, context: Context) -> None:
        """Let a context stop; its pages stay until others need them."""
        context.state = self._memory.save(context.slot) if context.table.length else None
        self._slots.append(context.slot)
        context.slot = -1
        context.idle = self._clock()
        self.pager.unwire(context.table)

    def prepare(self, context: Context, tokens: int, allowed: Allowed, forced: bool) -> bool:
        """Give a context that runs room for `tokens` in all, of its own where it is to write; False
        where that takes pages that are better left where they are, unless it is `forced`."""
        table = context.table
        wanted = self.pager.needed(tokens) - len(table.held) + self.pager.shares(table)
        if not self._room(wanted, allowed, forced):
            return False
        if moves := self.pager.own(table):
            self._memory.copy(*moves)
        return self.pager.allocate(table, tokens)

    def wrote(self, context: Context, count: int, marks: list[Tensor]) -> None:
        """Note that so many tokens more are written, and leave full pages for later texts.

        `marks` are what convolutions kept at the end of each page that is full now.
        """
        table, size = context.table, self.pager.size
        first = table.length // size
        table.length += count
        if context.node is None:
            return
        for at in range(first, table.length // size):
            state = marks[at - first] if marks else None
            key = tuple(context.tokens[at * size : (at + 1) * size])
            context.node = self.tree.insert(context.node, key, table.held[at], state)
            if context.node.page is not table.held[at]:
                self.pager.merge(table, at, context.node.page)

    # A context that does not run.

    def swap(self, context: Context, frames: int | None = None) -> None:
        """Move some of a context's pages to the host, the last ones first, or all; as many as
        there are places for."""
        pages = [one for one in context.table.held if _movable(one)]
        wanted = len(pages) if frames is None else min(max(frames, BATCH), len(pages))
        self._make_places(wanted, context)
        wanted = min(wanted, self.pager.places)
        if wanted:
            self._moved(self._store.save(*self.pager.move_out(pages[-wanted:])))

    def discard(self, context: Context) -> list[int]:
        """Let go of a context's pages; its tokens will be read again. Returns the frames that are
        free now."""
        if context.node is not None:
            self.tree.touch(context.node)
            context.node = self.tree.root(context.principal)
        context.state = None
        return self.pager.release(context.table)

    def wipe(self, context: Context) -> None:
        """Let go of a context's pages and zero those that are free now."""
        self._memory.wipe(self.discard(context))

    def cut(self, context: Context, tokens: int) -> None:
        """Let a context have its first tokens alone. The last of them is unread, as ever."""
        if context.table.length >= tokens:
            self.discard(context)
        del context.tokens[tokens:]

    def _moved(self, measured: Measured | None) -> None:
        if measured is not None:
            self.costs.has_moved(*measured)

    # Room.

    def _room(self, frames: int, allowed: Allowed, forced: bool) -> bool:
        """Make frames free: those of pages that are only cached, then those of contexts."""
        while (short := frames - self.pager.free) > 0:
            self.tree.evict(frames=short)
            short = frames - self.pager.free
            if short <= 0:
                break
            self._make_places(max(short, BATCH))
            chosen = self._policy.choose(
                self._candidates(allowed, max(short, BATCH)),
                running=sum(len(one.table.held) for one in self if one.table.wired),
                places=self.pager.places,
                forced=forced,
            )
            if chosen is None:
                return False
            context, way = chosen
            if way == "swap":
                self.swap(context, short)
            elif self._last.get(context.pid) is context:
                self.close(context)
            else:
                self.discard(context)
        return True

    def _make_places(self, wanted: int, besides: Context | None = None) -> None:
        """Make places of the host free: those of what is only cached, then those of what processes
        have said last, the longest ago first."""
        hosted = iter([
            one
            for one in self._last.values()
            if one is not besides and self.pager.missing(one.table)
        ])  # fmt: skip
        while (short := wanted - self.pager.places) > 0:
            self.tree.evict(places=short)
            context = next(hosted, None)
            if context is None:
                return
            if self.pager.places < wanted:
                self.close(context)

    def _candidates(self, allowed: Allowed, most: int) -> Iterator[Candidate[Context]]:
        """Yield the contexts that may be asked for up to `most` pages."""
        for context in self:
            if context.table.wired or not allowed(context):
                continue
            pages = min(sum(map(_movable, context.table.held)), most)
            if not pages:
                continue
            call, pinned = context.call, context.pinned
            state = self._processes.state(context.pid)
            yield Candidate(
                key=context,
                standing=Standing.SUSPENDED if state == "suspended"
                else Standing.WAITING if call is not None
                else Standing.BLOCKED,
                pages=pages,
                tokens=pages * self.pager.size,
                seconds=self._processes.until(context.pid, context.idle),
                rank=() if call is None else call.rank,
                pinned=pinned is not None and pinned[0] > self._clock(),
            )  # fmt: skip


def _movable(page: Page) -> bool:
    return page.frame != NOWHERE and not page.wires
