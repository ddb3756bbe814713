"""An event loop on which a program takes the same way whenever it is told the same.

What comes in from the system is handed out one by one, and only while nothing else is left to do.
So what a program does next depends on what it has been told, and in which order, but not on when.

Interface:
    run             runs a coroutine on such a loop
    SteadyLoop      the loop; a client that is opened on it hands its answers to `deliver`. One that
                    was closed before a fork is opened again by `renew` after it
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from selectors import BaseSelector, DefaultSelector
from typing import Any, TypeVar

T = TypeVar("T")


class SteadyLoop(asyncio.SelectorEventLoop):
    """Hands something out once all that the last thing has led to is done."""

    #: What asyncio is about to run next; its own attribute, since 3.4.
    _ready: deque[asyncio.Handle]
    #: What it waits with, and what makes the pipe by which another thread wakes it.
    _selector: BaseSelector
    _make_self_pipe: Callable[[], None]
    _closed: bool
    _executor_shutdown_called: bool

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[Callable[[], None]] = deque()

    def renew(self) -> None:
        """Open a closed loop again, with descriptors that no other process has."""
        self._closed = self._executor_shutdown_called = False
        self._selector = DefaultSelector()
        self._make_self_pipe()

    def deliver(self, told: Callable[[], None]) -> None:
        """Call `told` on the loop, after all that was delivered before."""
        self._waiting.append(told)

    def _run_once(self) -> None:
        while self._waiting and not self._ready:
            self._waiting.popleft()()
        super()._run_once()  # type: ignore[misc]  # what `run_forever` repeats


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    with asyncio.Runner(loop_factory=SteadyLoop) as runner:
        return runner.run(work)
