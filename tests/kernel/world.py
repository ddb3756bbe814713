"""A kernel that runs agents by a launcher that starts nothing."""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmagentos.kernel.agents import Agents
from llmagentos.kernel.bus import Bus
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.config import AgentsConfig
from llmagentos.kernel.devices import DeviceTable
from llmagentos.kernel.events import EventLog
from llmagentos.kernel.paths import Paths
from llmagentos.kernel.plugins import Plugin
from llmagentos.kernel.process import ControlBlock, Kind, ProcessTable
from llmagentos.kernel.spawn import Order
from llmagentos.kernel.trap import Trap

from .conftest import FakeLauncher, play, settle

#: What the next test may want to say of the agents' configuration.
USUAL = AgentsConfig(capabilities=["memory.*", "process.*"])


@dataclass(kw_only=True)
class World:
    """A kernel whose launcher starts nothing."""

    table: ProcessTable
    launcher: FakeLauncher
    devices: DeviceTable
    events: EventLog
    paths: Paths
    agents: Agents
    #: A person, with all rights.
    person: ControlBlock
    program: Path
    born: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)

    async def run(self, parent: ControlBlock | None = None, **order: Any) -> ControlBlock:
        wanted = Order(**{"program": str(self.program), **order})
        return await self.agents.spawn(parent or self.person, wanted)

    def sent(self, process: ControlBlock) -> list[signals.Signals]:
        return [number for pid, number in self.launcher.signals if pid == process.pid]


@asynccontextmanager
async def world(folder: Path, config: AgentsConfig = USUAL) -> AsyncIterator[World]:
    loop = asyncio.get_running_loop()
    table, launcher, devices = ProcessTable(now=loop.time), FakeLauncher(), DeviceTable()
    events, paths = EventLog(now=loop.time), Paths(state=folder / "state", runtime=folder / "run")
    paths.make()
    program = folder / "clerk.py"
    program.touch()
    trap = Trap(loop.time, devices=devices)
    bus = Bus(trap)  # It is not entered: nobody looks at deadlines.
    agents = Agents(
        table=table,
        bus=bus,
        launcher=launcher,
        trap=trap,
        events=events,
        paths=paths,
        config=config,
        runtimes={
            name: Plugin(name=name, entry=f"runtime:{name}", source="test")
            for name in ("py", "toml")
        },
        interfaces=lambda: {"weather"},
    )
    person = table.create(
        principal="ada",
        program="session",
        capabilities=CapabilitySet.parse(["*"]),
        kind=Kind.SESSION,
    )
    launcher.on_exit = agents.on_exit
    made = World(
        table=table,
        launcher=launcher,
        devices=devices,
        events=events,
        paths=paths,
        agents=agents,
        person=person,
        program=program,
    )
    agents.on_birth.append(lambda process, order: made.born.append(process.pid))
    agents.on_end.append(lambda process: made.ended.append(process.pid))
    try:
        yield made
    finally:
        await launcher.close()
        await bus.__aexit__(None, None, None)
        await settle()


Scene = Callable[[World], Awaitable[None]]


def stage(folder: Path) -> Callable[..., None]:
    """Return what plays a scene in a world of its own; keywords change the configuration."""

    def run(work: Scene, **config: Any) -> None:
        async def whole() -> None:
            async with world(folder, USUAL.model_copy(update=config)) as made:
                await work(made)

        play(whole)

    return run


Play = Callable[..., None]
