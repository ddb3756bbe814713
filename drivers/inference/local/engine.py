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
from collections import deque
from collections.abc import Callable

from .pager import Pager
from .plan import Span
from .runner import Runner
from .sequence import Sequence

#: New tokens of one step, prompts and replies together.
STEP_TOKENS = 512


class PagedEngine:
    """Runs sequences on a runner. All of its state belongs to its thread."""

    def __init__(self, runner: Runner, pager: Pager, *, contexts: int) -> None:
        self._runner = runner
        self._pager = pager
        self._slots = list(range(contexts - 1, -1, -1))
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: deque[Sequence] = deque()
        self._running: list[Sequence] = []
        self._failed: Callable[[Sequence, BaseException], None] = lambda one, error: None
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self, failed: Callable[[Sequence, BaseException], None]) -> None:
        """Start the thread; `failed` is told, on it, of a sequence that cannot be run."""
        self._failed = failed
        self._thread.start()

    def submit(self, sequence: Sequence) -> None:
        """Let a sequence join."""
        self._orders.put(lambda: self._waiting.append(sequence))

    def cancel(self, sequence: Sequence) -> None:
        """Take a sequence out before the next step."""

        def mark() -> None:
            sequence.cancelled = True

        self._orders.put(mark)

    def close(self) -> None:
        """End the thread after the step it is in; what runs is reported as failed."""
        self._orders.put(None)
        self._thread.join()

    def _work(self) -> None:
        while self._receive():
            spans = self._schedule()
            if spans:
                self._forward(spans)
        for sequence in [*self._waiting, *self._running]:
            self._failed(sequence, RuntimeError("the device was closed"))

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

    def _schedule(self) -> list[tuple[Sequence, Span]]:
        """Say which tokens of which sequences make up the next step."""
        for sequence in [one for one in self._running if one.cancelled]:
            self._release(sequence)
        self._waiting = deque(one for one in self._waiting if not one.cancelled)
        while self._waiting and self._slots:
            sequence = self._waiting[0]
            # Room for all that it may write: a running sequence never has to be stopped for it.
            if not self._pager.allocate(sequence.table, sequence.most):
                break
            sequence.slot = self._slots.pop()
            self._runner.forget(sequence.slot)
            self._running.append(self._waiting.popleft())
        chosen, room = [], STEP_TOKENS
        for sequence in sorted(self._running, key=lambda one: len(one.tokens) - one.table.length):
            if room > 0:
                span = sequence.span(room)
                room -= span.count
                chosen.append((sequence, span))
        # Spans of one token come first, also when a prompt's last piece happens to be one.
        return sorted(chosen, key=lambda pair: pair[1].count > 1)

    def _forward(self, chosen: list[tuple[Sequence, Span]]) -> None:
        started = time.perf_counter()
        tokens = [
            token
            for sequence, span in chosen
            for token in sequence.tokens[span.table.length : span.table.length + span.count]
        ]
        try:
            logits = self._runner.step([span for _, span in chosen], tokens)
        except Exception as error:  # the step's sequences end, the engine goes on
            for sequence, _ in chosen:
                self._release(sequence)
                self._failed(sequence, error)
            return
        share = (time.perf_counter() - started) / len(tokens)
        for (sequence, span), row in zip(chosen, logits, strict=True):
            sequence.seconds += share * span.count
            if sequence.advance(span, row):
                self._release(sequence)

    def _release(self, sequence: Sequence) -> None:
        self._running.remove(sequence)
        self._pager.release(sequence.table)
        self._slots.append(sequence.slot)
