"""The part of the clock that takes time, answered by process 1; the kernel answers the rest.

Interface:
    Sleeper         implements `Clock.sleep`
    described       what it answers
"""

from __future__ import annotations

import asyncio

from ...syscalls.clock import Clock
from ...syscalls.table import Description, describe


class Sleeper(Clock):
    """Wakes its callers."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def described() -> list[Description]:
    """Return the one syscall."""
    return [one for one in describe(Clock) if one.name == "clock.sleep"]
