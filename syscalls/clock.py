"""Time and chance, asked of the kernel so that a recorded process can be run again."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le

from .interface import Interface, syscall
from .message import MAX_DEADLINE

#: Bytes that are given at once, at most.
MOST = 64 * 1024


class Clock(Interface, name="clock"):
    """The clocks of the machine, and its dice."""

    @syscall(idempotent=True)
    async def now(self) -> float:
        """Return the time of day, in seconds since 1970-01-01T00:00:00Z."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def monotonic(self) -> float:
        """Return a clock that never goes back, in seconds since an arbitrary moment."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def random(self, count: Annotated[int, Ge(1), Le(MOST)]) -> str:
        """Return so many random bytes as hexadecimal digits. They stand in the journal."""
        raise NotImplementedError

    @syscall(idempotent=True, deadline=MAX_DEADLINE)
    async def sleep(self, seconds: Annotated[float, Ge(0), Le(MAX_DEADLINE)]) -> None:
        """Return after so many seconds; at once where a process that runs again slept before."""
        raise NotImplementedError
