"""The calls of a durable process that has died and is about to live again.

What must not be done twice goes on, and the next life is told how it ended. All else ends without
a word: it will be asked for again.

Interface:
    Aside           `put` at a death, `adopt` in the next life, `empty` as the kernel stops
"""

from __future__ import annotations

from typing import Any

from ..syscalls.errors import Cancelled, Diverged
from .approvals import Approvals
from .call import Call, CallTable
from .ending import Ending
from .process import ControlBlock, Kind


class Aside:
    """Keeps calls whose origin is not there."""

    def __init__(self, *, calls: CallTable, approvals: Approvals, ending: Ending) -> None:
        self._calls = calls
        self._approvals = approvals
        self._ending = ending

    def put(self, process: ControlBlock) -> None:
        """Keep what must not be done twice, and end the rest, what waits for a person included."""
        of_its_own = self._calls.of_origin(process)
        for call in of_its_own:
            traits = call.syscall.traits
            once = call.effect and not (traits.idempotent or traits.stream or traits.device)
            if not once or call.approval:
                self._drop(call)
        for call in self._approvals.of(process):
            self._drop(call)

    def empty(self, process: ControlBlock) -> bool:
        """Forget, as the kernel stops, what it has been asked itself: its effects end with it, and
        the process asks again. Returns whether nothing is left that others work for."""
        for call in self._calls.of_origin(process):
            if call.provider is None or call.provider.kind is Kind.KERNEL:
                self._drop(call)
        return not process.in_flight

    def adopt(self, process: ControlBlock, header: list[Any], body: bytes) -> bool:
        """Let a process hear of a call that an earlier incarnation has made; whether there is one
        on its way. Raises `Diverged` for another one under its number."""
        call = self._calls.get(process.in_flight.get(header[2], 0))
        if call is None:
            return False
        if (call.syscall.name, call.body) != (header[3], body):
            raise Diverged(f"call {header[2]} is {header[3]}; it was {call.syscall.name}")
        call.incarnation = process.incarnation
        return True

    def _drop(self, call: Call) -> None:
        call.unheard = True
        self._ending.abandon(call, Cancelled())
