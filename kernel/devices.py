"""Devices: each kind has one run queue, whoever drives it.

Interface:
    DeviceTable     devices by kind; `of`, `register`, `withdraw`, `hold`, `resume`
    ManagedDevice   a run queue with its driver and flags
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..syscalls.errors import AlreadyExists
from .process import ControlBlock
from .runqueue import RunQueue


class ManagedDevice:
    """One kind of device. Calls may wait for it before its driver has come up."""

    def __init__(self, kind: str, queue: RunQueue) -> None:
        self.kind = kind
        self.queue = queue
        self.driver: ControlBlock | None = None
        self.flags: tuple[str, ...] = ()


class DeviceTable:
    """The machine's devices by kind."""

    def __init__(self, make_queue: Callable[[], RunQueue] = RunQueue) -> None:
        self._make_queue = make_queue
        self._devices: dict[str, ManagedDevice] = {}
        #: Suspended processes: a device that comes later must know of them too.
        self._held: set[int] = set()
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
        self.on_free(device)

    def withdraw(self, driver: ControlBlock) -> None:
        """A driver is gone: its devices take no calls until it is back."""
        for device in self:
            if device.driver is driver:
                device.driver = None
                device.queue.set_slots(0)

    def hold(self, pid: int) -> None:
        """A suspended process's calls wait aside and keep their place."""
        self._held.add(pid)
        for device in self:
            device.queue.hold(pid)

    def resume(self, pid: int) -> None:
        """A resumed process's calls take part again."""
        self._held.discard(pid)
        for device in self:
            device.queue.resume(pid)
            self.on_free(device)

    def renice(self, pid: int, nice: int) -> None:
        """Rank a process's waiting calls anew."""
        for device in self:
            device.queue.renice(pid, nice)
