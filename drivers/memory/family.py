"""Whose memory a process reads besides its own: that of the processes above it.

Interface:
    Family          `above` a process; `gone` says whether one has ended
"""

from __future__ import annotations

from collections import OrderedDict

from ...syscalls.errors import LLMAgentOSError, NotFound
from ...syscalls.os import OS
from ...syscalls.process import ProcessInfo
from ...syscalls.server import Caller

#: Processes whose parents are remembered, and how far up it goes.
REMEMBERED, HEIGHT = 10_000, 16
#: The process that is the kernel itself, of the driver's own principal.
INIT = 1
#: Kinds of processes that have a memory of their own.
_OWNERS = frozenset({"agent", "session"})


class Family:
    """Parents, which never change; what is asked once is remembered."""

    def __init__(self, os: OS) -> None:
        self._os = os
        self._above: OrderedDict[int, list[int]] = OrderedDict()

    async def above(self, who: Caller) -> list[int]:
        """Return the pids above the caller's of the same principal, the nearest first."""
        if who.pid in self._above:
            return self._above[who.pid]
        if (info := await self._inspect(who.pid, who)) is None:
            return []  # Perhaps another time.
        found: list[int] = []
        while info is not None and info.parent and len(found) < HEIGHT:
            info = await self._inspect(info.parent, who)
            if info is None or info.principal != who.principal or info.kind not in _OWNERS:
                break
            found.append(info.pid)
        self._above[who.pid] = found
        if len(self._above) > REMEMBERED:
            self._above.popitem(last=False)
        return found

    async def gone(self, pid: int, principal: str) -> bool:
        """Return whether a process has ended, as far as this driver may look."""
        if (info := await self._inspect(pid, None)) is not None:
            return info.ended is not None
        house = await self._inspect(INIT, None)
        return house is not None and house.principal == principal

    async def _inspect(self, pid: int, who: Caller | None) -> ProcessInfo | None:
        """Look at a process with this driver's rights, else with the caller's."""
        for os in (self._os, *([self._os.on_behalf(who.call)] if who else [])):
            try:
                return await os.process.inspect(pid)
            except NotFound:
                continue
            except LLMAgentOSError:
                return None
        return None
