"""What becomes of calls when their process is suspended, goes on, gets another nice value, or ends,
and when their device gets another policy.

Interface:
    Steering        `suspend`, `resume`, `renice`, `gone`, `schedule`; `tick` tells drivers of ranks
"""

from __future__ import annotations

from collections.abc import Callable

from ..syscalls.errors import LLMAgentOSError
from .call import Call, CallTable
from .devices import DeviceTable, ManagedDevice
from .ending import Ending
from .policy.contract import Policy
from .process import ControlBlock
from .tenancy import Tenants


class Steering:
    """Acts on all calls that run with a process's rights, whoever waits for their answers."""

    def __init__(
        self,
        *,
        calls: CallTable,
        devices: DeviceTable,
        tenants: Tenants,
        ending: Ending,
        clock: Callable[[], float],
    ) -> None:
        self._calls = calls
        self._devices = devices
        self._tenants = tenants
        self._ending = ending
        self._clock = clock

    def suspend(self, process: ControlBlock) -> None:
        """Put waiting calls aside, let devices preempt running ones where they can, and let no
        deadline pass. The process's state says already that it is suspended."""
        for call in self._of(process):
            self._calls.stop_clock(call, self._clock())
        # Before others are let in, so that there is room for them.
        self._tenants.changed(process)
        self._devices.hold(process.pid)

    def resume(self, process: ControlBlock) -> None:
        """Let calls go on. The process's state says already that it is suspended no longer."""
        for call in self._of(process):
            self._calls.start_clock(call, self._clock())
        self._tenants.changed(process)
        self._devices.resume(process.pid)

    def renice(self, process: ControlBlock) -> None:
        """Rank calls by the process's new nice value, those that run as well."""
        self._devices.renice(process.pid, process.nice, self._clock())

    def schedule(self, device: ManagedDevice, name: str, make: Callable[[], Policy]) -> None:
        """Let another policy rank a device's calls, those that run as well."""
        device.schedule(name, make, self._clock())

    def gone(self, process: ControlBlock, error: LLMAgentOSError) -> None:
        """End what others have asked of devices on the process's behalf, and tell the drivers."""
        for number in self._tenants.gone(process):
            if (call := self._calls.get(number)) is not None:
                self._ending.abandon(call, error)

    def end_session(self, session: ControlBlock, error: LLMAgentOSError) -> None:
        """End all that was asked on a session's behalf."""
        for call in self._of(session):
            self._ending.abandon(call, error)
        self.gone(session, error)

    def tick(self) -> None:
        """Tell the drivers of ranks that have changed, every now and then."""
        now = self._clock()
        for device in self._devices:
            device.rerank(now)

    def _of(self, process: ControlBlock) -> list[Call]:
        return [call for call in self._calls if call.process is process]
