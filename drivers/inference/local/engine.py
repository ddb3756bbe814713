"""Continuous batching: every step carries all running requests, new ones join between steps.

The engine has a thread of its own; requests go in through a queue, pieces come out through the
callbacks that they brought. A step is: receive → schedule → forward → process.

Interface:
    PagedEngine     `submit`, `cancel`, `close`
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable

from torch import Tensor

from ....syscalls.errors import DeviceError, InvalidArgument
from .pager import Pager
from .plan import Span
from .runner import Runner
from .sequence import Sequence

#: New tokens of one step, prompts and replies together.
STEP_TOKENS = 512
Chosen = list[tuple[Sequence, Span]]


class PagedEngine:
    """Runs sequences on a runner. All of its state belongs to its thread, but for the orders."""

    def __init__(self, runner: Runner, pager: Pager, *, contexts: int) -> None:
        self._runner = runner
        self._pager = pager
        self._slots = list(range(contexts - 1, -1, -1))
        # Both in the order of arrival, and all that run came before all that wait.
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        # Guarded by the lock: nothing is put after the end of the thread, where nobody would see.
        self._lock = threading.Lock()
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._closed = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, sequence: Sequence) -> None:
        """Let a sequence join.

        Raises `InvalidArgument` for one that no pool of pages can hold, `DeviceError` when closed.
        """
        if sequence.most > self._pager.capacity:
            raise InvalidArgument(
                f"{sequence.most} tokens are wanted; the device holds {self._pager.capacity}"
            )
        if not self._order(lambda: self._waiting.append(sequence)):
            raise DeviceError("the device was closed")

    def cancel(self, sequence: Sequence) -> None:
        """Take a sequence out before the next step."""

        def mark() -> None:
            sequence.cancelled = True

        self._order(mark)

    def close(self) -> None:
        """End the thread after the step it is in; what runs is reported as failed."""
        self._order(None)
        self._thread.join()

    def _order(self, order: Callable[[], None] | None) -> bool:
        with self._lock:
            if not self._closed:
                self._orders.put(order)
            return not self._closed

    def _work(self) -> None:
        reason = DeviceError("the device was closed")
        try:
            while self._receive():
                self._step()
        except BaseException as error:  # a defect of ours: nobody may be left waiting for it
            traceback.print_exc()
            reason = DeviceError(f"the engine has ended: {error}")
        with self._lock:
            self._closed = True
        while not self._orders.empty():
            if (order := self._orders.get()) is not None:
                order()
        for sequence in [*self._waiting, *self._running]:
            sequence.fail(reason)

    def _receive(self) -> bool:
        """Take all orders, waiting for one while there is nothing else to do."""
        idle = not self._running and not self._waiting
        while True:
            try:
                order = self._orders.get(block=idle)
            except queue.Empty:
                return True
            if order is None:
                return False
            order()
            idle = False

    def _step(self) -> None:
        chosen = self._schedule()
        if chosen:
            started = time.perf_counter()
            logits = self._forward(chosen)
            if logits is not None:
                self._process(chosen, logits, time.perf_counter() - started)

    def _schedule(self) -> Chosen:
        """Say which tokens of which sequences make up the next step."""
        for sequence in [one for one in self._running if one.cancelled]:
            self._release(sequence)
        self._waiting = deque(one for one in self._waiting if not one.cancelled)
        self._admit()
        chosen: dict[Sequence, Span] = {}
        room = STEP_TOKENS
        # Who writes comes before who reads, then whoever came first: a long prompt holds up no
        # reply, and short ones do not hold up the long.
        for sequence in sorted(self._running, key=lambda one: one.pending > 1):
            if room > 0 and sequence in self._running:
                span = sequence.span(room)
                if self._make_room(sequence, span, chosen):
                    chosen[sequence] = span
                    room -= span.count
        return sorted(chosen.items(), key=lambda pair: pair[1].order)

    def _admit(self) -> None:
        """Let sequences in, in their order, while there are pages for all that is known of them
        and of those inside, and for one page more of each reply."""
        pager = self._pager
        while self._waiting and self._slots:
            joined = [*self._running, self._waiting[0]]
            known = (min(len(one.tokens) + pager.size, one.most) for one in joined)
            held = sum(len(one.table.pages) for one in joined)
            if sum(map(pager.needed, known)) - held > pager.free:
                break
            joined[-1].slot = self._slots.pop()
            self._runner.memory.forget(joined[-1].slot)
            self._running.append(self._waiting.popleft())

    def _make_room(self, sequence: Sequence, span: Span, chosen: dict[Sequence, Span]) -> bool:
        """Give a sequence the pages of a span, if need be the youngest's; False where that is its
        own. The oldest always gets on, so all come to their end."""
        while not self._pager.allocate(sequence.table, span.length):
            youngest = self._running[-1]
            chosen.pop(youngest, None)
            self._preempt(youngest)
            if youngest is sequence:
                return False
        return True

    def _preempt(self, sequence: Sequence) -> None:
        """Send a sequence back to the head of those that wait. Its tokens are kept and are read
        again like a prompt."""
        self._release(sequence)
        self._waiting.appendleft(sequence)

    def _forward(self, chosen: Chosen) -> Tensor | None:
        """Run the model; where it fails the step's sequences end, and the engine goes on."""
        tokens = [
            one for seq, span in chosen for one in seq.tokens[span.table.length : span.length]
        ]
        try:
            return self._runner.step([span for _, span in chosen], tokens)
        except Exception as error:
            traceback.print_exc()
            for sequence, _ in chosen:
                self._fail(sequence, error)
            return None

    def _process(self, chosen: Chosen, logits: Tensor, seconds: float) -> None:
        """Give each sequence its outcome; one that fails takes no other with it."""
        seconds /= sum(span.count for _, span in chosen)
        largest = logits.max(dim=-1)
        sound, likeliest = largest.values.isfinite().tolist(), largest.indices.tolist()
        for place, (sequence, span) in enumerate(chosen):
            try:
                if not sound[place]:
                    raise ArithmeticError("its logits are no numbers")
                if sequence.advance(span, logits[place], likeliest[place], seconds * span.count):
                    self._release(sequence)
            except Exception as error:
                self._fail(sequence, error)

    def _fail(self, sequence: Sequence, error: Exception) -> None:
        """End a sequence; its pages may hold what would spoil their next owner's."""
        self._runner.memory.wipe(self._release(sequence))
        sequence.fail(error)

    def _release(self, sequence: Sequence) -> list[int]:
        """Let a sequence out; returns the pages that are free now."""
        self._running.remove(sequence)
        self._slots.append(sequence.slot)
        return self._pager.release(sequence.table)
