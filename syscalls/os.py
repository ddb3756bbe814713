"""What a program holds of the operating system: every interface as an attribute.

    async def main(os: OS, task: str) -> None:
        await os.memory.put("greeting", "hello")
        print(await os.weather.forecast("Oslo"))   # a plugin's syscall

Interface:
    OURS        the interfaces that it is made of
    OS          typed interfaces, a plugin's by its name, and `call` and `stream` by syscall name
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cached_property
from typing import Any

from .approval import Approval
from .client import Client
from .clock import Clock
from .device import Device
from .interface import Interface
from .ipc import Ipc
from .knowledge import Knowledge
from .learning import Learning
from .memory import Memory
from .model import Model
from .perception import Perception
from .plan import Plan
from .process import Process
from .rights import Rights
from .system import System
from .tool import Tool

#: In the order in which a reader needs them.
OURS: tuple[type[Interface], ...] = (
    Process, Ipc, Perception, Memory, Knowledge, Model, Plan, Tool, Learning, Approval, Rights,
    Clock, Device, System,
)  # fmt: skip


class OS:
    """The system calls, over one client."""

    def __init__(self, client: Client, *, behalf: int | None = None) -> None:
        self.client = client
        self._behalf = behalf

    def on_behalf(self, call: int) -> OS:
        """Return the system as whoever made the call being served sees it: with their rights."""
        return OS(self.client, behalf=call)

    @cached_property
    def process(self) -> Process:
        return self.client.proxy(Process, behalf=self._behalf)

    @cached_property
    def ipc(self) -> Ipc:
        return self.client.proxy(Ipc, behalf=self._behalf)

    @cached_property
    def memory(self) -> Memory:
        return self.client.proxy(Memory, behalf=self._behalf)

    @cached_property
    def model(self) -> Model:
        return self.client.proxy(Model, behalf=self._behalf)

    @cached_property
    def tool(self) -> Tool:
        return self.client.proxy(Tool, behalf=self._behalf)

    @cached_property
    def perception(self) -> Perception:
        return self.client.proxy(Perception, behalf=self._behalf)

    @cached_property
    def knowledge(self) -> Knowledge:
        return self.client.proxy(Knowledge, behalf=self._behalf)

    @cached_property
    def plan(self) -> Plan:
        return self.client.proxy(Plan, behalf=self._behalf)

    @cached_property
    def learning(self) -> Learning:
        return self.client.proxy(Learning, behalf=self._behalf)

    @cached_property
    def approval(self) -> Approval:
        return self.client.proxy(Approval, behalf=self._behalf)

    @cached_property
    def rights(self) -> Rights:
        return self.client.proxy(Rights, behalf=self._behalf)

    @cached_property
    def clock(self) -> Clock:
        return self.client.proxy(Clock, behalf=self._behalf)

    @cached_property
    def device(self) -> Device:
        return self.client.proxy(Device, behalf=self._behalf)

    @cached_property
    def system(self) -> System:
        return self.client.proxy(System, behalf=self._behalf)

    def __getattr__(self, name: str) -> Foreign:
        if name.startswith("_"):
            raise AttributeError(name)
        return Foreign(self, name)

    async def call(
        self,
        syscall: str,
        arguments: dict[str, Any] | None = None,
        *,
        deadline: float | None = None,
    ) -> Any:
        """Make one syscall by its name and return its result in plain values."""
        return await self.client.call(syscall, arguments, deadline=deadline, behalf=self._behalf)

    def stream(
        self,
        syscall: str,
        arguments: dict[str, Any] | None = None,
        *,
        deadline: float | None = None,
    ) -> AsyncIterator[Any]:
        """Make one streaming syscall by its name and yield its items in plain values."""
        return self.client.stream(syscall, arguments, deadline=deadline, behalf=self._behalf)


class Foreign:
    """An interface that this program knows by name alone, such as a plugin's.

    Its methods take keywords; results are plain values.
    """

    def __init__(self, os: OS, interface: str) -> None:
        self._os = os
        self._interface = interface

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(**arguments: Any) -> Any:
            return await self._os.call(f"{self._interface}.{method}", arguments)

        return call
