"""A knowledge driver over a real file, without a kernel; perception and the model say what a test
tells them to."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvloop

from llmagentos.drivers.knowledge.driver import KnowledgeDriver
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.model import ChatReply, Usage
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.perception import Observation, Perceived, Place
from llmagentos.syscalls.server import Caller, serving

ALICE = Caller(pid=1, principal="alice", call=11)
ALICE_TOO = Caller(pid=2, principal="alice", call=12)
BOB = Caller(pid=3, principal="bob", call=13)


def fresh(who: Caller) -> Caller:
    """Return a new call of a caller; each has what it has read of its own."""
    return replace(who, usage={}, sources=[])


class System:
    """What the driver asks of the rest of the house."""

    def __init__(self) -> None:
        self.behalf: list[int] = []
        self.perceived: list[str] = []
        self.asked: list[str] = []
        #: What perception raises, once.
        self.error: Exception | None = None
        #: What the model writes of a passage.
        self.write: Callable[[str], str] = lambda text: '{"facts": []}'
        #: The vector of a text; None where no model for sentences runs.
        self.embed: Callable[[str], list[float]] | None = None
        self.embedded: list[str] = []
        self.perception = SimpleNamespace(perceive=self._perceive)
        self.model = SimpleNamespace(chat=self._chat)

    def on_behalf(self, call: int) -> System:
        self.behalf.append(call)
        return self

    async def call(self, name: str, arguments: Any = None, *, deadline: float = 0) -> Any:
        if name == "model.ls":
            flags = ["embed", "sentences"] if self.embed else ["embed"]
            return [{"name": "small", "flags": flags, "state": "ready"}]
        assert name == "model.embed" and self.embed is not None
        self.embedded += arguments["texts"]
        vectors = [self.embed(text) for text in arguments["texts"]]
        return {"vectors": vectors, "model": "small", "usage": {"input_tokens": 1}}

    async def _perceive(
        self, source: str, data: bytes | None, media: str | None, limit: int
    ) -> Perceived:
        """Read paragraphs and, between bars, tables; `#` begins a section."""
        self.perceived.append(source)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        assert data is not None
        found, section = [], None
        for line, block in enumerate(data.decode().split("\n\n"), start=1):
            if block.startswith("# "):
                section = block[2:]
            elif block.startswith("|"):
                rows = [
                    [cell.strip() for cell in row.strip("|").split("|")]
                    for row in block.splitlines()
                ]
                place = Place(line=line, section=section, row=1)
                found.append(Observation(kind="table", text=block, place=place, rows=rows))
            else:
                place = Place(line=line, section=section)
                found.append(Observation(kind="text", text=block, place=place))
        return Perceived(
            source=source, media=media or "text/plain", digest=hashlib.sha256(data).hexdigest(),
            size=len(data), title=None, observations=found,
        )  # fmt: skip

    async def _chat(self, messages: Any, *, max_tokens: int, grammar: Any) -> ChatReply:
        text = messages[-1]["content"]
        self.asked.append(text)
        return ChatReply(
            content=self.write(text), tool_calls=[], finish_reason="stop",
            usage=Usage(input_tokens=1, output_tokens=1), model="small",
        )  # fmt: skip


Scene = Callable[[KnowledgeDriver, System], Awaitable[None]]
Play = Callable[[Scene], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a scene, as Alice, with a driver that is set up; the file is the same each time."""

    async def run(scene: Scene) -> None:
        driver, system = KnowledgeDriver(), System()
        async with asyncio.TaskGroup() as tasks:
            host = Host(os=cast(OS, system), state=tmp_path, config={}, tasks=tasks, homes=tmp_path)
            await driver.setup(host)
            try:
                with serving(fresh(ALICE)):
                    await scene(driver, system)
            finally:
                await driver.teardown()

    return lambda scene: uvloop.run(run(scene))
