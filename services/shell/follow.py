"""What is followed beyond the life of a kernel.

Interface:
    resumed         a stream, asked for again whenever the kernel died over it
    follow          the lines of an agent's log, until it ends
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from ...syscalls.errors import DeviceError
from ...syscalls.os import OS
from ...syscalls.process import LogLine

T = TypeVar("T")


async def resumed(os: OS, begin: Callable[[bool], AsyncIterator[T]]) -> AsyncIterator[T]:
    """Yield the items of the stream that `begin` opens; it is told whether it is the first one.

    Raises what ends the stream, and `DeviceError` where no kernel comes back.
    """
    first = True
    while True:
        try:
            async for item in begin(first):
                yield item
            return
        except DeviceError:
            if os.client.lost.is_set():
                raise
        first = False


async def follow(os: OS, pid: int, tail: int | None = None) -> AsyncIterator[LogLine]:
    """Yield the last `tail` lines of a log, or all, and those to come.

    When the kernel is started again, what was shown is left out: a durable agent writes it again.
    Of a log whose beginning was left out, only what is new is shown then.
    """
    seen = passed = 0

    def lines(first: bool) -> AsyncIterator[LogLine]:
        nonlocal seen, passed
        passed = 0
        if first or tail is None:
            return os.process.logs(pid, follow=True, tail=tail)
        seen = 0
        return os.process.logs(pid, follow=True, tail=0)

    async for line in resumed(os, lines):
        passed += 1
        if passed > seen:
            seen += 1
            yield line
