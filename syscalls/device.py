"""Devices: what drivers own and the kernel queues calls for.

Interface:
    Device          the syscalls; drivers register, people look
    DeviceInfo      one device and its run queue
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge

from .interface import Interface, syscall


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """One device and its run queue."""

    #: What syscalls are queued for it, as their traits name it.
    kind: str
    #: Pid of its driver.
    driver: int
    #: Calls that it takes at once; 0 while it is not ready.
    slots: int
    #: Calls that its driver has, and those that wait for it in the kernel.
    running: int
    waiting: int
    #: What ranks them.
    policy: str
    #: What it can do; `preempt` lets its running calls make room for others of a lower rank.
    flags: list[str] = field(default_factory=list)
    #: How often calls have done so, where the driver says.
    preemptions: int | None = None


class Device(Interface, name="device"):
    """The kernel's view of the machine."""

    @syscall(effect=True, idempotent=True)
    async def register(
        self, kind: str, slots: Annotated[int, Ge(0)], flags: list[str] | None = None
    ) -> None:
        """Say that the caller drives a device; again with other slots when that changes.

        With 0 slots calls wait in the queue until there are some. The driver of a device with the
        flag `preempt` is told the ranks of its calls and what their processes do, and runs the
        lowest ranks; its slots are all the calls that it takes in, those that stand still too, but
        for those of suspended processes.
        """
        raise NotImplementedError

    @syscall(idempotent=True)
    async def ls(self) -> list[DeviceInfo]:
        """Return the devices there are."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def schedule(self, kind: str, policy: str) -> None:
        """Let another policy rank a device's calls, those that run as well.

        Raises `NotFound` naming the policies there are.
        """
        raise NotImplementedError
