"""Agents that start ever more processes are ended before they fill the machine.

The system's own limit counts all processes of a user together, and binds root not at all; a control
group counts each agent's, where there is one. So it is looked at from outside: how many threads the
machine has costs nothing to ask, and whose they are is looked for only once there are many more.

Interface:
    Crowd           an asynchronous context; while it is entered, it looks
    count           processes and threads of a program and of all that it has started
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from ..background import Background

#: Seconds between two looks, and by how many threads the machine's have to have grown.
EVERY, GROWN = 0.25, 128


class Crowd(Background):
    """Looks after the processes that it is told of."""

    def __init__(
        self,
        watched: Callable[[], dict[int, int]],
        overrun: Callable[[int], None],
        every: float = EVERY,
    ) -> None:
        """`watched` gives the machine's number of each program and how many it may have; `overrun`
        is told of one that has more."""
        self._watched = watched
        self._overrun = overrun
        self._every = every

    async def _work(self) -> None:
        before = _threads()
        while True:
            await asyncio.sleep(self._every)
            there = _threads()
            if there - before < GROWN:
                before = min(before, there)
                continue
            before = there
            watched = self._watched()
            try:
                beyond = await asyncio.to_thread(_beyond, watched)
            except RuntimeError:  # The machine has no thread left to look in.
                beyond = _beyond(watched)
            for program in beyond:
                self._overrun(program)


def count(program: int, most: int) -> int:
    """Return the threads of a program and its descendants, at most one more than `most`."""
    return sum(1 for _ in islice(_tree(program), most + 1))


def _beyond(watched: dict[int, int]) -> list[int]:
    return [program for program, most in watched.items() if count(program, most) > most]


def _tree(program: int) -> Iterator[int]:
    processes = [program]
    while processes:
        process = processes.pop()
        with suppress(OSError, ValueError):  # Whoever ends meanwhile leaves nothing to be read.
            for thread in os.listdir(f"/proc/{process}/task"):
                yield int(thread)
                with open(f"/proc/{process}/task/{thread}/children") as children:
                    processes += map(int, children.read().split())


def _threads() -> int:
    """Return how many threads the machine has."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 0
