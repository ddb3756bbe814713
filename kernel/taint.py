"""Taint: who has read what a stranger may have written.

A mark is never taken back: nobody can tell what a program has made of what it read. Drivers and
services have none. They serve many and are the owner's own programs, which say of each call what
they hand out.

Interface:
    Taint           `mark`, `inherit`, and `read` for a call's answer
    passed_on       what is said to whoever has something from a tainted process
"""

from __future__ import annotations

from collections.abc import Callable

from .call import Call
from .process import ControlBlock, Kind
from .shown import line

#: Sources that are kept of each process, and characters of one.
KEPT, LONGEST = 8, 200
_TRUSTED = frozenset({Kind.DRIVER, Kind.SERVICE, Kind.KERNEL})


class Taint:
    """Marks processes. `ControlBlock.taints` is written here alone."""

    def __init__(self) -> None:
        #: Told of each process that was untainted until now.
        self.on_first: Callable[[ControlBlock, str], None] = lambda process, source: None

    def mark(self, process: ControlBlock, source: str) -> None:
        """Note that a process gets to read something; further sources are for people to know."""
        if process.kind in _TRUSTED or len(process.taints) >= KEPT:
            return
        source = line(source, LONGEST)
        if source in process.taints:
            return
        process.taints = (*process.taints, source)
        if len(process.taints) == 1:
            self.on_first(process, source)

    def inherit(self, process: ControlBlock, giver: ControlBlock) -> None:
        """Note that a process has what it works with from another one."""
        if giver.taints:
            self.mark(process, passed_on(giver.taints, giver.pid))

    def read(self, call: Call) -> None:
        """Note that an answer is about to reach whoever an untrusted call is made for."""
        if not call.tainting:
            call.tainting = True
            self.mark(call.process, call.label())


def passed_on(taints: tuple[str, ...], pid: int) -> str:
    """Return how a tainted process's first source is known to whoever has it from that process."""
    return f"{taints[0].partition(' via ')[0]} via process {pid}"
