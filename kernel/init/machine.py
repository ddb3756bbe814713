"""The device interface, answered by process 1.

Interface:
    Machine         implements `Device`
"""

from __future__ import annotations

from ...syscalls.device import Device, DeviceInfo
from ...syscalls.errors import NotFound, PermissionDenied
from ..policy.registry import find
from ..process import Kind
from .house import House


class Machine(Device):
    """The devices that drivers have registered."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def register(self, kind: str, slots: int, flags: list[str] | None = None) -> None:
        me = self._house.caller()
        if me.kind is not Kind.DRIVER:
            raise PermissionDenied("only a driver registers a device")
        self._house.trap.devices.register(me, kind, slots, tuple(flags or ()))
        if slots:
            self._house.events.emit("device.ready", f"{kind} takes {slots} calls at once", me.pid)

    async def ls(self) -> list[DeviceInfo]:
        return [
            DeviceInfo(
                kind=device.kind,
                driver=0 if device.driver is None else device.driver.pid,
                flags=list(device.flags),
                preemptions=device.preemptions,
                **device.queue.counts(),
            )
            for device in self._house.trap.devices
        ]

    async def schedule(self, kind: str, policy: str) -> None:
        devices = {device.kind: device for device in self._house.trap.devices}
        if kind not in devices:
            raise NotFound(f"there is no device {kind!r}; {', '.join(devices) or 'none at all'}")
        self._house.trap.steering.schedule(devices[kind], policy, find(policy))
        self._house.events.emit("device.policy", f"{kind} is scheduled by {policy}")
