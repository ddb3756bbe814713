"""Events of refused calls: what an owner wants to hear of, at a pace that drowns nothing else.

Interface:
    Denials         `note` a call that was refused for want of a right
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from ..events import EventLog
from ..process import ControlBlock

#: Seconds between two events of one process, events of all processes in as many, and processes
#: that are remembered.
EVERY, MOST, KNOWN = 10.0, 20, 1000
KIND = "call.denied"


class Denials:
    """Emits the first refusal of each process, and then now and then how many there were."""

    def __init__(self, events: EventLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._clock = clock
        #: When a process was last told of, and how many of its refusals were not since.
        self._told: OrderedDict[int, tuple[float, int]] = OrderedDict()
        self._since = -EVERY
        self._count = 0

    def note(self, process: ControlBlock, syscall: str, reason: str) -> None:
        """Tell of a refused call, or count it for the next time."""
        now = self._clock()
        if now - self._since >= EVERY:
            self._since, self._count = now, 0
        last, untold = self._told.get(process.pid, (-EVERY, 0))
        if now - last < EVERY or self._count >= MOST:
            self._keep(process.pid, last, untold + 1)
            return
        self._count += 1
        self._keep(process.pid, now, 0)
        more = f" ({untold} others before it)" if untold else ""
        self._events.emit(
            KIND, f"{reason}{more}", process.pid, syscall=syscall, principal=process.principal,
            untold=untold,
        )  # fmt: skip

    def _keep(self, pid: int, told: float, untold: int) -> None:
        self._told[pid] = (told, untold)
        self._told.move_to_end(pid)
        if len(self._told) > KNOWN:
            self._told.popitem(last=False)
