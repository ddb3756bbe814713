"""A command's session with the daemon.

Interface:
    session         runs a coroutine function with the operating system
    insist          asks again while it is too early
    resolve         a pid from what a person types: a number, or a name that is the only one
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ...syscalls.client import connect
from ...syscalls.errors import DeviceError, InvalidArgument, NotFound, TryAgain
from ...syscalls.os import OS
from . import daemon
from .failure import NoDaemon

T = TypeVar("T")
#: Digits of a pid that a message can carry.
_LONGEST_PID = 18
#: Seconds for which a person is kept waiting for what is about to be there, as a model is that is
#: still read.
PATIENCE = 60.0


def session(work: Callable[[OS], Awaitable[T]], start: bool = False) -> T:
    """Connect, do the work, hang up; `start` starts a daemon where none runs."""

    async def whole() -> T:
        client = await connect(daemon.connect(start), daemon.again)
        try:
            return await work(OS(client))
        except DeviceError:
            if client.lost.is_set():
                raise NoDaemon("the daemon has gone; start it again with: aos start") from None
            raise
        finally:
            client.close()

    return asyncio.run(whole())


async def insist(ask: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
    """Return what is asked for; whoever is told that it is too early asks again, for a while."""
    until = time.monotonic() + seconds
    while True:
        try:
            return await ask()
        except TryAgain as error:
            pause = float(error.details.get("retry_after", 1.0))
            if time.monotonic() + pause > until:
                raise
            await asyncio.sleep(pause)


async def resolve(os: OS, who: str) -> int:
    """Return the pid that a person means. Raises `NotFound` or `InvalidArgument`."""
    if who.isascii() and who.isdecimal():
        if len(who) > _LONGEST_PID:
            raise NotFound(f"there is no process {who}")
        return int(who)
    named = [one for one in await os.process.ls(all=True) if one.name == who]
    living = [one for one in named if one.state != "zombie"] or named[-1:]
    if not living:
        raise NotFound(f"there is no process named {who!r}")
    if len(living) > 1:
        pids = ", ".join(str(one.pid) for one in living)
        raise InvalidArgument(f"{who!r} names the processes {pids}; say which")
    return living[0].pid
