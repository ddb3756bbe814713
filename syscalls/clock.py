"""Time, asked of the kernel so that a recorded process can be run again."""

from __future__ import annotations

from .interface import Interface, syscall


class Clock(Interface, name="clock"):
    """The clocks of the machine."""

    @syscall(idempotent=True)
    async def now(self) -> float:
        """Return the time of day, in seconds since 1970-01-01T00:00:00Z."""
        raise NotImplementedError

    @syscall(idempotent=True)
    async def monotonic(self) -> float:
        """Return a clock that never goes back, in seconds since an arbitrary moment."""
        raise NotImplementedError
