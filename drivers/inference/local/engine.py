"""Continuous batching: every step carries the best calls that the device has room for, and others
join between steps.

The engine has a thread of its own, and a lock that guards all of its state but while the model
runs. A step is: schedule → forward → process.

Interface:
    PagedEngine     `submit`, `cancel`; `open`, `fork`, `close` contexts; `rank`, `process`, `pages`
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import count

from ....syscalls.errors import Cancelled, DeviceError, LLMAgentOSError
from ....syscalls.model import ContextInfo, PageMap
from ..contract import ProcessState, Rank
from .call import Call
from .context import Context
from .forward import forward
from .pagemap import info, page_map
from .pager import Pager
from .processes import Processes
from .runner import Runner
from .schedule import Chosen, Schedule
from .virtual import VirtualMemory

#: Calls of the kernel's whose last rank is remembered.
REMEMBERED = 10_000


class PagedEngine:
    """Runs calls on a runner."""

    def __init__(
        self,
        runner: Runner,
        pager: Pager,
        *,
        contexts: int,
        quota: int | None = None,
        step: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        failed: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """`contexts` is how many can run at once, `quota` how many pages a process may hold, `step`
        how many new tokens a step has (`STEP_TOKENS`). `failed` is told, on the engine's thread,
        why it can serve no more."""
        self._runner = runner
        self._pager = pager
        self._clock = clock
        self._failed = failed
        self._processes = Processes(clock)
        self._virtual = VirtualMemory(
            runner.memory, pager, slots=contexts, processes=self._processes, clock=clock
        )
        self._schedule = Schedule(
            self._virtual,
            self._processes,
            slots=contexts,
            quota=quota or pager.count,
            step=step,
        )
        self._arrivals = count()
        self._ranks: OrderedDict[int, Rank] = OrderedDict()  # by the kernel's number of a call
        self._busy: set[Call] = set()  # whoever is in the step that runs
        self._suspending: set[int] = set()
        self._closed = False
        self._monitor = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread after the step it is in; what runs is reported as failed."""
        with self._monitor:
            self._closed = True
            self._monitor.notify()
        if self._thread.ident is not None:
            self._thread.join()

    # Calls.

    def submit(self, call: Call) -> None:
        """Let a call join.

        Raises `InvalidArgument` for one that no pool of pages can hold, `QuotaExceeded` for one
        that its process may not, `TryAgain` where another works on its context, `DeviceError` when
        closed.
        """
        with self._monitor:
            self._check()
            call.context.check_idle()
            if call.context not in self._virtual.of(call.context.pid):
                raise Cancelled("the context was closed")  # while its text was made ready
            call.rank = self._ranks.get(call.owner.call, call.rank)
            try:
                self._schedule.check(call)
            except LLMAgentOSError:
                self._undo(call)
                raise
            call.arrival = next(self._arrivals)
            call.context.call = call
            self._schedule.waiting.append(call)
            self._monitor.notify()

    def cancel(self, call: Call, gone: Callable[[], None] | None = None) -> bool:
        """Take a call out; returns whether that is done. Else it is once the call has paid for the
        step that it is in, of which `gone` is told."""
        with self._monitor:
            self._cancel(call)
            if call not in self._busy:
                return True
            call.gone = gone
            return False

    def rank(self, number: int, rank: Rank) -> None:
        """Let the calls of a kernel's call stand elsewhere from the next step on."""
        with self._monitor:
            # It may have work to come that is not here yet.
            self._ranks[number] = rank
            if len(self._ranks) > REMEMBERED:
                self._ranks.popitem(last=False)
            for call in self._schedule:
                if call.owner.call == number:
                    call.rank = rank

    # Contexts.

    def open(self, context: Context, cached: bool = True) -> None:
        """Let a context in; `cached` ones take pages from earlier texts and leave theirs."""
        with self._monitor:
            self._check()
            self._virtual.open(context, cached)

    def fork(self, context: Context, count: int = 1, cached: bool = True) -> list[Context]:
        """Return contexts over the same pages; such as are not `cached` leave nothing for later
        texts and go with their call. Raises `TryAgain` while a call works on it."""
        with self._monitor:
            self._check()
            context.check_idle()
            return [self._virtual.fork(context, cached) for _ in range(count)]

    def release(self, context: Context) -> None:
        """Let a context out, and the call that works on it."""
        with self._monitor:
            self._release(context, "the context was closed")

    def pin(self, context: Context, seconds: float) -> None:
        """Ask that a context's pages stay for a while."""
        with self._monitor:
            context.pinned = (self._clock() + seconds, seconds) if seconds else None

    def info(self, context: Context) -> ContextInfo:
        """Return what a context holds."""
        with self._monitor:
            return info(context, self._clock())

    def process(self, pid: int, state: ProcessState, seconds: float | None) -> None:
        """Learn what a process does."""
        with self._monitor:
            self._processes.set(pid, state, seconds)
            if state == "gone":
                for context in list(self._virtual.of(pid)):
                    self._release(context, "the process has ended")
            elif state == "suspended":
                self._suspending.add(pid)
            self._monitor.notify()

    def pages(self, page_bytes: int) -> PageMap:
        """Return who holds what."""
        with self._monitor:
            return page_map(self._virtual, self._processes, page_bytes)

    # The lock is held.

    def _check(self) -> None:
        if self._closed:
            raise DeviceError("the device was closed")

    def _cancel(self, call: Call) -> None:
        call.cancelled = True
        if call not in self._busy:
            self._end(call)

    def _release(self, context: Context, reason: str) -> None:
        context.stays = False
        call = context.call
        if call is None:
            if context in self._virtual.of(context.pid):
                self._virtual.close(context)
        elif not call.cancelled:
            self._cancel(call)
            call.fail(Cancelled(reason))

    def _end(self, call: Call, spoilt: bool = False) -> None:
        """Let a call go, and sooner or later its context, unless that stays. What is `spoilt` would
        harm the pages' next owner."""
        context = call.context
        if context.call is not call:
            return
        self._schedule.remove(call)
        if spoilt:
            self._virtual.wipe(context)
        if not call.ended:
            self._undo(call)
        context.call = None
        context.idle = self._clock()
        whole = call.ended and not call.cancelled
        if whole and not context.stays and context.node is not None and context.pid:
            self._virtual.linger(context)
        elif not context.stays:
            self._virtual.close(context)

    def _undo(self, call: Call) -> None:
        self._virtual.cut(call.context, call.undone)

    def _awake(self) -> bool:
        return self._closed or bool(self._suspending) or self._schedule.ready

    # The engine's thread.

    def _work(self) -> None:
        reason = "the device was closed"
        try:
            while True:
                with self._monitor:
                    self._monitor.wait_for(self._awake)
                    if self._closed:
                        break
                    self._settle()
                    chosen = self._choose()
                if chosen:
                    self._step(chosen)
        except BaseException as error:  # a defect of ours: nobody may be left waiting for it
            traceback.print_exc()
            reason = f"the engine has ended: {error}"
            self._failed(reason)
        with self._monitor:
            self._closed = True
            left = list(self._schedule)
            busy, self._busy = self._busy, set()
        for call in left:
            call.fail(DeviceError(reason))
        _let_go(busy)

    def _settle(self) -> None:
        """Let the calls of suspended processes stop, and move their pages to the host."""
        for pid in self._suspending:
            if self._processes.state(pid) == "suspended":
                self._schedule.suspend(pid)
        self._suspending.clear()

    def _choose(self) -> Chosen:
        chosen, over = self._schedule.choose()
        for call, error in over:
            call.ended = error is None
            self._end(call)
            if error is None:
                _finish(call)
            else:
                call.fail(error)
        self._busy = {call for call, _ in chosen}
        return chosen

    def _step(self, chosen: Chosen) -> None:
        started = time.perf_counter()
        outcomes, failures = forward(self._runner, self._pager.size, chosen)
        seconds = time.perf_counter() - started
        tokens = sum(span.count for _, span in chosen)
        with self._monitor:
            self._virtual.costs.has_read(tokens, seconds)
            for call, span in chosen:
                if call in outcomes:
                    self._virtual.wrote(call.context, span.count, outcomes[call].marks)
        for call, span in chosen:
            share = seconds * span.count / tokens
            if call.cancelled:
                call.pay(share)
            elif call in outcomes:
                one = outcomes[call]
                try:
                    call.ended = call.advance(span, one.out, one.likeliest, share)
                except Exception as error:
                    failures[call] = error
        with self._monitor:
            self._busy = set()
            for call in failures:
                self._end(call, spoilt=True)
            for call, _ in chosen:
                if call.ended or call.cancelled:
                    self._end(call)
        for call, _ in chosen:
            if call.ended and not call.cancelled:
                _finish(call)
        for call, reason in failures.items():
            call.fail(reason)
        _let_go(call for call, _ in chosen)


def _let_go(calls: Iterable[Call]) -> None:
    """Tell those who wait until cancelled calls are out."""
    for call in calls:
        if call.gone is not None:
            call.gone()


def _finish(call: Call) -> None:
    """Let a call tell its outcome; where that fails it is told so, and nobody else is."""
    try:
        call.finish()
    except Exception as error:
        traceback.print_exc()
        call.fail(error)
