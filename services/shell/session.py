"""A command's session with the daemon.

Interface:
    session         runs a coroutine function with the operating system
    resolve         a pid from what a person types: a number, or a name that is the only one
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ...syscalls.client import connect
from ...syscalls.errors import InvalidArgument, NotFound
from ...syscalls.os import OS
from . import daemon

T = TypeVar("T")


def session(work: Callable[[OS], Awaitable[T]], start: bool = False) -> T:
    """Connect, do the work, hang up; `start` starts a daemon where none runs."""

    async def whole() -> T:
        client = await connect(daemon.connect(start))
        try:
            return await work(OS(client))
        finally:
            client.close()

    return asyncio.run(whole())


async def resolve(os: OS, who: str) -> int:
    """Return the pid that a person means. Raises `NotFound` or `InvalidArgument`."""
    if who.isdigit():
        return int(who)
    named = [one for one in await os.process.ls(all=True) if one.name == who]
    living = [one for one in named if one.state != "zombie"] or named[-1:]
    if not living:
        raise NotFound(f"there is no process named {who!r}")
    if len(living) > 1:
        pids = ", ".join(str(one.pid) for one in living)
        raise InvalidArgument(f"{who!r} names the processes {pids}; say which")
    return living[0].pid
