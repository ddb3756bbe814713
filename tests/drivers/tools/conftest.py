"""A tools driver with real folders and a memory that is a map, without a kernel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvloop

from llmagentos.drivers.tools.contract import Context
from llmagentos.drivers.tools.driver import ToolsDriver
from llmagentos.drivers.tools.settings import read
from llmagentos.syscalls.errors import NotFound
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.memory import Item, Memory
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.server import Caller, caller, serving


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Map(Memory):
    """Values by principal and key."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], Any] = {}

    async def put(self, key: str, value: Any, *_: Any) -> None:
        self._values[caller().principal, key] = value

    async def get(self, key: str, *_: Any) -> Item:
        if (caller().principal, key) not in self._values:
            raise NotFound(f"nothing is remembered under {key!r}")
        return Item(key=key, value=self._values[caller().principal, key], updated=1.0)

    async def delete(self, key: str, *_: Any) -> bool:
        return self._values.pop((caller().principal, key), None) is not None

    async def keys(self, *_: Any) -> list[str]:
        return sorted(key for whose, key in self._values if whose == caller().principal)


class System:
    """The syscalls that tools make; each caller's home is `homes/principal/pid`."""

    def __init__(self, homes: Path, principals: Mapping[int, str]) -> None:
        self.memory = Map()
        self.tool: ToolsDriver
        #: Set by the tests that need them.
        self.knowledge: Any = None
        self.perception: Any = None
        self.clock = SimpleNamespace(now=self._now)
        self.process = SimpleNamespace(inspect=self._inspect)
        self.system = SimpleNamespace(effects=self._effects)
        #: What the kernel was told, and what each process holds.
        self.effects: dict[str, bool] = {}
        self.capabilities = {1: ["*"], 2: ["tool.*"]}
        self.behalf: list[int] = []
        self.inspected = 0
        self._homes, self._principals = homes, principals

    async def call(
        self, syscall: str, arguments: dict[str, Any], *, deadline: float | None = None
    ) -> Any:
        """Make a syscall by its name, as the driver does for a tool in its own process."""
        interface, _, method = syscall.partition(".")
        return await getattr(getattr(self, interface), method)(**arguments)

    def on_behalf(self, call: int) -> System:
        self.behalf.append(call)
        return self

    async def _now(self) -> float:
        return time.mktime((2026, 11, 24, 9, 15, 0, 0, 0, -1))

    async def _inspect(self, pid: int) -> SimpleNamespace:
        self.inspected += 1
        home = str(self._homes / self._principals[pid] / str(pid))
        return SimpleNamespace(home=home, capabilities=self.capabilities[pid])

    async def _effects(self, name: str, of: dict[str, bool]) -> None:
        assert name == "tool.call"
        self.effects = of


@dataclass
class House:
    driver: ToolsDriver
    system: System
    #: Alice's own folder.
    home: Path
    clock: Clock


Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a scene with a driver, as process 1 of alice."""

    def run(scene: Callable[[House], Awaitable[None]], **config: Any) -> None:
        async def whole() -> None:
            homes = tmp_path / "homes"
            system = System(homes, {1: "alice", 2: "bob"})
            clock = Clock()
            failures: list[Exception] = []
            async with asyncio.timeout(180), asyncio.TaskGroup() as tasks:
                host = Host(
                    os=cast(OS, system), state=tmp_path, config=config, tasks=tasks, homes=homes
                )
                driver = system.tool = ToolsDriver(clock)
                try:
                    await driver.setup(host)
                    try:
                        with serving(Caller(pid=1, principal="alice", call=1)):
                            await scene(House(driver, system, homes / "alice" / "1", clock))
                    finally:
                        await driver.teardown()
                except Exception as failure:  # told as it is, not as one of a group
                    failures.append(failure)
            if failures:
                raise failures[0]

        uvloop.run(whole())

    return run


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(os=cast(OS, None), home=tmp_path, config=read({}).model_dump())
