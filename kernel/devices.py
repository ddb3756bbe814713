"""Devices: each kind has one run queue, whoever drives it.

The kernel ranks calls; the driver of a device that can preempt runs the lowest of those that were
let in, and is told where ranks change.

Interface:
    DeviceTable     devices by kind; `of`, `register`, `withdraw`, `hold`, `resume`, `renice`
    ManagedDevice   a run queue with its driver and flags; `rerank`, `signal`
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..syscalls.errors import AlreadyExists
from ..syscalls.message import VERSION, Kind, Signal
from .policy.contract import Policy
from .process import ControlBlock
from .runqueue import RunQueue

#: What a driver registers that preempts calls by their ranks and by what their processes do.
PREEMPT = "preempt"
#: Seconds between two looks at the ranks of running calls.
INTERVAL = 0.05


class ManagedDevice:
    """One kind of device. Calls may wait for it before its driver has come up."""

    def __init__(self, kind: str, queue: RunQueue) -> None:
        self.kind = kind
        self.queue = queue
        self.driver: ControlBlock | None = None
        self.flags: tuple[str, ...] = ()
        #: How often it has preempted calls, as its driver says; None where it has never said so.
        self.preemptions: int | None = None
        self._looked = -math.inf

    @property
    def preempts(self) -> bool:
        """Whether its driver can let a running call stand still."""
        return PREEMPT in self.flags

    def signal(self, number: int, *fields: Any) -> None:
        """Tell the driver something, if it preempts and is there."""
        if self.preempts and self.driver is not None and self.driver.connection is not None:
            self.driver.connection.send((VERSION, Kind.SIGNAL, number, *fields))

    def finish(self, number: int, used: Mapping[str, float], now: float) -> None:
        """A call that ran has ended, having used so much."""
        self.queue.finish(number, used, now)
        if (count := used.get("preemptions")) is not None:
            self.preemptions = (self.preemptions or 0) + int(count)

    def rerank(self, now: float, *, at_once: bool = False) -> None:
        """Tell the driver which running calls stand elsewhere now."""
        if self.preempts and (at_once or now - self._looked >= INTERVAL):
            self._looked = now
            for number, rank in self.queue.reranked(now).items():
                self.signal(number, Signal.RANK, rank)

    def schedule(self, name: str, make: Callable[[], Policy], now: float) -> None:
        """Let another policy rank the calls."""
        self.queue.set_policy(name, make, now)
        self.rerank(now, at_once=True)


class DeviceTable:
    """The machine's devices by kind."""

    def __init__(self, make_queue: Callable[[], RunQueue] = RunQueue) -> None:
        self._make_queue = make_queue
        self._devices: dict[str, ManagedDevice] = {}
        #: Suspended processes: a device that comes later must know of them too.
        self._held: set[int] = set()
        #: Told of a driver that has come, or has changed its device, before calls are let in.
        self.on_driver: Callable[[ManagedDevice], None] = lambda device: None
        #: Told of a device that may have become free, so that calls are let in.
        self.on_free: Callable[[ManagedDevice], None] = lambda device: None

    def __iter__(self) -> Iterator[ManagedDevice]:
        return iter(list(self._devices.values()))

    def of(self, kind: str) -> ManagedDevice:
        """Return a device, known or new; a new one has no slots yet."""
        device = self._devices.get(kind)
        if device is None:
            device = self._devices[kind] = ManagedDevice(kind, self._make_queue())
            for pid in self._held:
                device.queue.hold(pid)
        return device

    def register(
        self, driver: ControlBlock, kind: str, slots: int, flags: tuple[str, ...] = ()
    ) -> None:
        """Note who drives a device and how many calls it takes at once.

        Raises `AlreadyExists` while another live process drives it.
        """
        device = self.of(kind)
        if device.driver not in (None, driver):
            raise AlreadyExists(f"process {device.driver.pid} drives {kind} already")
        device.driver, device.flags = driver, flags
        device.queue.set_slots(slots)
        self.on_driver(device)
        self.on_free(device)

    def withdraw(self, driver: ControlBlock) -> None:
        """A driver is gone: its devices take no calls until it is back."""
        for device in self:
            if device.driver is driver:
                device.driver = None
                device.queue.set_slots(0)

    def hold(self, pid: int) -> None:
        """A suspended process's calls wait aside and keep their place; those that run make room
        on a device that preempts."""
        self._held.add(pid)
        for device in self:
            device.queue.hold(pid, device.preempts)
            if device.preempts:
                self.on_free(device)

    def resume(self, pid: int) -> None:
        """A resumed process's calls take part again."""
        self._held.discard(pid)
        for device in self:
            device.queue.resume(pid)
            self.on_free(device)

    def renice(self, pid: int, nice: int, now: float) -> None:
        """Rank a process's calls anew, those that run as well."""
        for device in self:
            device.queue.renice(pid, nice)
            device.rerank(now, at_once=True)
