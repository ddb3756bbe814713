"""A memory driver over a real file, without a kernel: processes and a model are played."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop

from llmagentos.drivers.memory.driver import MemoryDriver
from llmagentos.syscalls.errors import DeviceError, LLMAgentOSError, NotFound, PermissionDenied
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.model import ChatReply, Usage
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.process import Past, ProcessInfo
from llmagentos.syscalls.server import Caller, serving

Opened = Callable[[], AbstractAsyncContextManager[MemoryDriver]]


def play(opened: Opened, scene: Callable[[MemoryDriver], Awaitable[None]]) -> None:
    """Let a scene play on an opened driver, with Alice as its caller."""

    async def run() -> None:
        async with opened() as driver:
            with serving(Caller(pid=1, principal="alice", call=1)):
                await scene(driver)

    uvloop.run(run())


class World:
    """Processes with a past, a model that answers what it is told to, and one for sentences."""

    def __init__(self) -> None:
        self.processes: dict[int, ProcessInfo] = {}
        self.past: dict[int, list[Past]] = {}
        self.replies: list[str | LLMAgentOSError] = []
        self.asked: list[list[dict[str, Any]]] = []
        #: A vector for each text that a model for sentences has been taught.
        self.meanings: dict[str, list[float]] | None = None
        self.process = self
        self.model = self

    def on_behalf(self, call: int) -> World:
        return self

    def born(self, pid: int, parent: int | None = None, principal: str = "alice") -> None:
        self.processes[pid] = ProcessInfo(
            pid=pid, parent=parent, principal=principal, name=f"p{pid}", program="x", kind="agent",
            state="running", nice=0, started=0.0, ended=None, exit_code=None, exit_reason=None,
            syscalls=0, usage={}, budget={},
        )  # fmt: skip
        self.past[pid] = []

    def ended(self, pid: int) -> None:
        self.processes[pid] = replace(self.processes[pid], ended=1.0, state="zombie")

    def did(self, pid: int, syscall: str, result: Any, **more: Any) -> None:
        past = self.past[pid]
        record = Past(
            seq=len(past) + 1,
            time=time.time(),
            syscall=syscall,
            arguments=more.pop("arguments", None),
            outcome=more.pop("outcome", "ok"),
            result=result,
        )
        past.append(replace(record, **more))

    async def inspect(self, pid: int) -> ProcessInfo:
        if pid not in self.processes:
            raise NotFound(f"there is no process {pid}")
        return self.processes[pid]

    async def ls(self, all: bool = False) -> list[ProcessInfo]:
        return list(self.processes.values())

    async def history(self, pid: int, after: int = 0, limit: int = 1000) -> list[Past]:
        if pid not in self.past:
            raise PermissionDenied("no child")
        found = [one for one in self.past[pid] if one.seq > after][: min(limit, 3)]
        self.did(pid, "process.history", "a look is a record, too", by=9)
        return found

    async def chat(self, messages: Any, **options: Any) -> ChatReply:
        self.asked.append(messages)
        reply = self.replies.pop(0)
        if isinstance(reply, LLMAgentOSError):
            raise reply
        usage = Usage(input_tokens=len(messages[1]["content"]) // 2, output_tokens=1)
        return ChatReply(content=reply, tool_calls=[], finish_reason="stop", usage=usage, model="m")

    async def call(self, syscall: str, arguments: Any = None, *, deadline: float) -> Any:
        if syscall == "model.ls":
            chat = {"name": "m", "flags": ["embed"], "state": "ready", "active": True}
            known = [chat | {"context": 400}]
            if self.meanings is not None:
                known.append(chat | {"name": "s", "flags": ["sentences"], "active": False})
            return known
        if self.meanings is None:
            raise DeviceError("nothing embeds")
        vectors = [self.meanings.get(text, [0.0, 0.0, 1.0]) for text in arguments["texts"]]
        return {"model": "s", "vectors": vectors, "usage": {"input_tokens": len(vectors)}}


def facts(*found: tuple[str, list[int]]) -> str:
    """Return what a model answers that has found these facts."""
    return json.dumps({"facts": [{"text": text, "events": events} for text, events in found]})


@pytest.fixture
def world() -> World:
    made = World()
    made.born(1)
    made.born(2)
    made.born(3, principal="bob")
    return made


@pytest.fixture
def opened(tmp_path: Path, world: World) -> Opened:
    @asynccontextmanager
    async def open_driver() -> AsyncIterator[MemoryDriver]:
        driver = MemoryDriver()

        class Tasks:
            def create_task(self, work: Any) -> asyncio.Task[Any]:
                return asyncio.create_task(work)

        await driver.setup(
            Host(
                os=cast(OS, world),
                state=tmp_path,
                config={},
                tasks=cast(asyncio.TaskGroup, Tasks()),
                homes=tmp_path,
            )
        )
        try:
            yield driver
        finally:
            await driver.teardown()

    return open_driver
