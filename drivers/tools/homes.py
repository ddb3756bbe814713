"""Where each caller's own folder is.

Interface:
    Homes           `of` a caller
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from ...syscalls.host import Host
from ...syscalls.server import Caller

#: Callers whose folder is remembered.
REMEMBERED = 10_000


class Homes:
    """The folders, which the kernel knows, and is asked for once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._known: OrderedDict[int, Path] = OrderedDict()

    async def of(self, who: Caller) -> Path:
        """Return a caller's own folder; there is one from now on."""
        home = self._known.get(who.pid)
        if home is None:
            home = self._known[who.pid] = await self._host.home(who)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home
