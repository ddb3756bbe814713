"""Which tokens of which calls make up the next step.

The best-ranked calls run, as many as there are slots and pages for; for a better one the worst stop
and keep their pages until others need them.

Interface:
    Schedule        `waiting`, `running`; `choose`
    STEP_TOKENS     new tokens of one step, prompts and replies together, unless told otherwise
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ....syscalls.errors import InvalidArgument, QuotaExceeded
from .call import Call
from .context import Context
from .pager import Page
from .plan import Span
from .processes import Processes
from .virtual import VirtualMemory

STEP_TOKENS = 512
Chosen = list[tuple[Call, Span]]


class Schedule:
    """The engine's calls. The engine's lock guards it."""

    def __init__(
        self,
        virtual: VirtualMemory,
        processes: Processes,
        *,
        slots: int,
        quota: int,
        step: int | None = None,
    ) -> None:
        """`slots` are the calls that run at once, `step` the new tokens of a step."""
        self.waiting: list[Call] = []
        self.running: list[Call] = []
        self._virtual = virtual
        self._pager = virtual.pager
        self._processes = processes
        self._slots = slots
        self._quota = quota
        self._step = step or STEP_TOKENS
        self._over: list[tuple[Call, Exception | None]] = []

    def __iter__(self) -> Iterator[Call]:
        yield from self.running
        yield from self.waiting

    @property
    def ready(self) -> bool:
        """Whether there is anything to do."""
        return any(not self._suspended(call) for call in self)

    def check(self, call: Call) -> None:
        """Raise `InvalidArgument` for a call that no pool of pages can hold, `QuotaExceeded` for
        one that its process may not have."""
        context = call.context
        if call.most > self._pager.capacity:
            raise InvalidArgument(
                f"{call.most} tokens are wanted; the device holds {self._pager.capacity}"
            )
        mine = [one for one in self._virtual.of(context.pid) if one.stays]
        held = set[Page](context.table.held).union(*(one.table.held for one in mine))
        fresh = self._pager.needed(len(context.tokens)) - len(context.table.held)
        wanted = len(held) + max(fresh, 0)
        if wanted > self._quota:
            raise QuotaExceeded(
                f"process {context.pid} would hold {wanted} pages; it may hold {self._quota}"
            )

    def remove(self, call: Call) -> None:
        """Let a call go."""
        if call in self.running:
            self.running.remove(call)
            self._virtual.leave(call.context)
        elif call in self.waiting:
            self.waiting.remove(call)

    def suspend(self, pid: int) -> None:
        """Let the calls of a process stop, and move its pages to the host."""
        for call in [one for one in self.running if one.context.pid == pid]:
            self._pause(call)
        for context in list(self._virtual.of(pid)):
            self._virtual.swap(context)

    def choose(self) -> tuple[Chosen, list[tuple[Call, Exception | None]]]:
        """Return the next step, and the calls that have come to their end without one."""
        self._over = []
        self._admit()
        chosen: dict[Call, Span] = {}
        reading: set[tuple[int, tuple[int, ...]]] = set()
        room = self._step
        # Who writes comes before who reads: a long prompt holds up no reply.
        for call in sorted(self.running, key=lambda one: (one.pending > 1, one.order)):
            if room <= 0:
                break
            if call not in self.running:
                continue
            if call.pending > 1:
                self._virtual.take(call.context)
            if not call.pending:
                self._finish(call, None)
                continue
            span = call.span(room, self._pager.size)
            if not self._twin(call, span, reading) and self._prepare(call, span, chosen):
                chosen[call] = span
                room -= span.count
        return sorted(chosen.items(), key=lambda pair: pair[1].order), self._over

    def _suspended(self, call: Call) -> bool:
        return self._processes.state(call.context.pid) == "suspended"

    def _admit(self) -> None:
        """Let calls in by their order, while there is room for all that is known of them and of
        those inside, and for one page more of each reply."""
        ready = [one for one in self.waiting if not self._suspended(one)]
        full: set[int] = set()
        for call in sorted(ready, key=lambda one: one.order):
            if call.context.pid in full:
                continue
            self._virtual.take(call.context)
            if not call.pending:
                self._finish(call, None)
                continue
            if self._over_quota(call):
                full.add(call.context.pid)
                continue
            if not self._make_way(call):
                break
            if not self._virtual.enter(call.context, self._below(call)):
                break
            self.waiting.remove(call)
            self.running.append(call)

    def _make_way(self, call: Call) -> bool:
        """Let worse calls stop where that makes room for one."""
        if not self._fits([call]):  # what it shares would have to be there twice
            self._virtual.discard(call.context)
        if not self._fits([*self.running, call]):
            if not self._fits([*(one for one in self.running if one.order < call.order), call]):
                return False
            while not self._fits([*self.running, call]):
                self._pause(self._worst())
        return True

    def _fits(self, calls: list[Call]) -> bool:
        """Return whether calls can run together."""
        if len(calls) > self._slots:
            return False
        held = set[Page]().union(*(one.context.table.held for one in calls))
        return len(held) + sum(map(self._reserve, calls)) <= self._pager.count

    def _reserve(self, call: Call) -> int:
        """Return how many pages a call is going to need soon."""
        size, table = self._pager.size, call.context.table
        known = min(len(call.context.tokens) + size, call.most)
        return max(self._pager.needed(known) - len(table.held), 0) + self._pager.shares(table)

    def _over_quota(self, call: Call) -> bool:
        """Return whether a call is to wait for others of its process."""
        context = call.context
        others = [one for one in self.running if one.context.pid == context.pid]
        if not others:
            return False
        held = self._virtual.held(context.pid, context)
        return held + sum(map(self._reserve, [*others, call])) > self._quota

    def _twin(self, call: Call, span: Span, reading: set[tuple[int, tuple[int, ...]]]) -> bool:
        """Return whether somebody reads the same page in this step: it will be there after it."""
        context, size = call.context, self._pager.size
        start = span.table.length
        if context.node is None or start % size or span.count < size:
            return False
        key = id(context.node), tuple(context.tokens[start : start + size])
        known = key in reading
        reading.add(key)
        return known

    def _prepare(self, call: Call, span: Span, chosen: dict[Call, Span]) -> bool:
        """Give a call the pages of a span, if need be those of worse ones, which stop; False where
        it is to stop itself. The best one always gets on, so all come to their end."""
        context, allowed = call.context, self._below(call)
        if not self._within_quota(call, span, chosen):
            return False
        while True:
            # Pages that are wanted soon are left where they are, unless nobody could go on else.
            forced = len(self.running) == 1
            if self._virtual.prepare(context, span.length, allowed, forced):
                return True
            worst = self._worst()
            chosen.pop(worst, None)
            self._pause(worst)
            if worst is call:
                return False

    def _within_quota(self, call: Call, span: Span, chosen: dict[Call, Span]) -> bool:
        """Let the worst calls of a process stop until it holds no more than it may."""
        context = call.context
        while True:
            fresh = self._pager.needed(span.length) - len(context.table.held)
            fresh += self._pager.shares(context.table)
            # Most often there is far less, and who shares what need not be known.
            if fresh <= 0 or fresh + self._virtual.most_held(context.pid) <= self._quota:
                return True
            if fresh + self._virtual.held(context.pid) <= self._quota:
                return True
            mine = [one for one in self.running if one.context.pid == context.pid]
            worst = max(mine, key=lambda one: one.order)
            if worst is call and len(mine) == 1:
                error = QuotaExceeded(f"process {context.pid} may hold {self._quota} pages")
                self._finish(call, error)
                return False
            chosen.pop(worst, None)
            self._pause(worst)
            if worst is call:
                return False

    def _below(self, call: Call) -> Callable[[Context], bool]:
        """Say whose pages a call may get: those of contexts without one, or with a worse one."""

        def allowed(context: Context) -> bool:
            other = context.call
            return other is None or (
                other is not call and (other.order > call.order or self._suspended(other))
            )

        return allowed

    def _worst(self) -> Call:
        return max(self.running, key=lambda one: one.order)

    def _pause(self, call: Call) -> None:
        """Let a call wait again; its pages stay until others need them."""
        self.running.remove(call)
        self._virtual.leave(call.context)
        self.waiting.append(call)
        call.stand_still()

    def _finish(self, call: Call, error: Exception | None) -> None:
        """A call has come to its end without a step."""
        self.remove(call)
        self._over.append((call, error))
