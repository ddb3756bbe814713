"""Which processes use a device, and what its driver is told of them where it can preempt.

A driver that swaps contexts needs to know whose are not needed for a while. A process is
`suspended`, or `blocked` while it waits for a call of something else that may last and for none of
the device, or else `running`; at its end it is `gone`. Only changes are told, only of processes
that have used the device, and only to a driver that preempts.

Interface:
    Tenancy         one process on one device
    Tenants         told of calls and processes; tells drivers
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from ..syscalls.message import Signal
from .call import Call
from .devices import ManagedDevice
from .durations import Durations
from .process import ControlBlock, State

#: Seconds; calls that usually take less are not worth telling a driver about.
SHORT = 0.05


@dataclass(slots=True)
class Tenancy:
    """One process on one device. `Tenants` alone writes it."""

    process: ControlBlock
    device: ManagedDevice
    #: Numbers of its calls that wait for the device or run on it.
    inside: set[int] = field(default_factory=set)
    #: Its other calls that may last, with the moment at which each is expected to end, infinite
    #: where nobody knows.
    outside: dict[int, float] = field(default_factory=dict)
    #: What the driver was told last.
    told: tuple[str, float] = ("running", 0.0)

    def state(self) -> tuple[str, float]:
        """Return what the process does, and until when it is expected to be blocked."""
        if self.process.state is State.SUSPENDED:
            return "suspended", 0.0
        if self.outside and not self.inside:
            return "blocked", max(self.outside.values())
        return "running", 0.0

    def tell(self, now: float) -> None:
        """Tell the driver of a change."""
        state, until = self.state()
        if state != self.told[0] or until > self.told[1]:
            self.told = (state, until)
            self.send(state, until - now)

    def send(self, state: str, seconds: float) -> None:
        """Send a state to the driver, if it is there; `seconds` are those of a blocked process."""
        known = max(seconds, 0.0) if state == "blocked" and seconds < math.inf else None
        self.device.signal(0, Signal.PROCESS, self.process.pid, state, known)


class Tenants:
    """Keeps the tenancies of all devices."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._durations = Durations()
        self._of: dict[str, dict[int, Tenancy]] = {}  # by the kind of device, then by pid

    def enters(self, call: Call, device: ManagedDevice) -> None:
        """A call is to wait for a device."""
        process = call.process
        tenancies = self._of.setdefault(device.kind, {})
        tenancy = tenancies.get(process.pid)
        if tenancy is None:
            tenancy = tenancies[process.pid] = Tenancy(process, device)
            process.tenancies = (*process.tenancies, tenancy)
        tenancy.inside.add(call.number)
        tenancy.tell(self._clock())
        if len(process.tenancies) > 1:
            self.leaves(call)

    def leaves(self, call: Call) -> None:
        """A tenant makes a call that is not for all the devices it has used."""
        if not any(tenancy.device.preempts for tenancy in call.process.tenancies):
            return
        now = self._clock()
        call.like = self._durations.like(call)
        seconds = self._durations.expect(call.like)
        if seconds is not None and seconds < SHORT:
            return
        for tenancy in call.process.tenancies:
            if call.number not in tenancy.inside:
                tenancy.outside[call.number] = math.inf if seconds is None else now + seconds
                tenancy.tell(now)

    def ended(self, call: Call) -> None:
        """A tenant's call has ended."""
        now = self._clock()
        if call.like is not None:
            self._durations.learn(call.like, now - call.started)
        for tenancy in call.process.tenancies:
            tenancy.inside.discard(call.number)
            tenancy.outside.pop(call.number, None)
            tenancy.tell(now)

    def changed(self, process: ControlBlock) -> None:
        """A process was suspended, or goes on."""
        for tenancy in process.tenancies:
            tenancy.tell(self._clock())

    def gone(self, process: ControlBlock) -> set[int]:
        """A process has ended; return the numbers of its calls that still wait for devices."""
        left: set[int] = set()
        for tenancy in process.tenancies:
            tenancy.send("gone", 0.0)
            left |= tenancy.inside
            del self._of[tenancy.device.kind][process.pid]
        process.tenancies = ()
        return left

    def introduce(self, device: ManagedDevice) -> None:
        """Tell a driver that is new to its device of all that do not just run."""
        for tenancy in self._of.get(device.kind, {}).values():
            tenancy.told = ("running", 0.0)
            tenancy.tell(self._clock())
