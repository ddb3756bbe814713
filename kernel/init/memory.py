"""How much memory the daemon's programs hold.

Interface:
    Gauge           measures aside, since it takes the machine a while, and remembers for a moment
    resident        bytes of a program, shared ones in proportion
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

#: Seconds that a measurement is good for: many may ask, and each process costs half a millisecond.
FRESH = 2.0


class Gauge:
    """Measures in a thread, one at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._measuring = asyncio.Lock()
        self._measured = float("-inf")
        self._last: dict[str, int] = {}

    async def read(self, kernel: int) -> dict[str, int]:
        """Return the bytes of the kernel, and of all that it has started, zygotes included."""
        async with self._measuring:
            if self._clock() - self._measured >= FRESH:
                self._last = await asyncio.to_thread(_measure, kernel)
                self._measured = self._clock()
            return self._last


def _measure(kernel: int) -> dict[str, int]:
    return {"kernel": resident(kernel), "processes": sum(map(resident, _below(kernel)))}


def _below(os_pid: int) -> Iterator[int]:
    """Yield the programs that a program has started, and those that they have."""
    for listed in Path(f"/proc/{os_pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in listed.read_text().split()]
        except OSError:  # It has ended meanwhile.
            continue
        for child in children:
            yield child
            yield from _below(child)


def resident(os_pid: int) -> int:
    """Return a program's proportional set size in bytes; 0 where it cannot be read."""
    try:
        lines = Path(f"/proc/{os_pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
