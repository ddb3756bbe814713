"""The shipped model's held-out tasks, solved end to end through a running daemon.

Every tool call is a syscall to the real drivers; the state of memory and files is read back through
syscalls as well. Each task has a principal's memory to itself: it is emptied before the task. The
suite of passages is left out: where they stand in their documents cannot be prescribed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmagentos.services.learning.embedded.evaluate import solve
from llmagentos.services.learning.embedded.suites import SUITES
from llmagentos.services.learning.embedded.tasks import Task
from llmagentos.services.learning.embedded.world import State
from llmagentos.syscalls.client import connect
from llmagentos.syscalls.errors import LLMAgentOSError
from llmagentos.syscalls.knowledge import Claim
from llmagentos.syscalls.os import OS

from .daemon import daemon
from .report import asked


class LiveWorld:
    """The daemon's own memory, files and clock; the clock's answer is the task's."""

    def __init__(self, os: OS, now: str, home: Path) -> None:
        self._os = os
        self._now = now
        self._home = home

    async def prepare(self, task: Task) -> None:
        """Empty memory and files, and put in what the task starts with."""
        for item in await self._os.memory.ls():
            await self._os.memory.delete(item.key)
        for path in sorted(self._home.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        known = await self._os.knowledge.ask("?thing ?attribute ?value", limit=1000)
        await self._os.knowledge.retract([fact.id for one in known for fact in one.facts])
        claims: list[Claim] = [
            {"subject": thing, "relation": attribute, "object": value}
            for (thing, attribute), value in task.facts.items()
        ]
        await self._os.knowledge.tell(claims)
        for key, value in task.memory.items():
            await self._os.memory.put(key, value)
        for name, text in task.files.items():
            await self._os.tool.call("file_write", {"path": name, "text": text})

    async def call(self, tool: str, arguments: Mapping[str, object]) -> str:
        """Call a tool by its syscall; the time alone is the task's, not the day's."""
        if tool == "clock":
            return self._now
        try:
            return (await self._os.tool.call(tool, dict(arguments))).text
        except LLMAgentOSError as error:
            return f"error: {error}"

    async def state(self) -> State:
        """Read memory and files back."""
        memory = {item.key: item.value for item in await self._os.memory.ls()}
        listed = (await self._os.tool.call("file_list")).text
        names = [] if listed == "empty" else listed.split(", ")
        files = {
            name: (await self._os.tool.call("file_read", {"path": name})).text for name in names
        }
        return State(memory=memory, files=files)


async def measure(path: Path, state: Path, count: int, show: bool) -> dict[str, float]:
    """Return the percentage of solved tasks by suite."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(path))
    os = OS(await connect(sock))
    home = state / "home" / (await os.process.ls(all=True))[0].principal / "session"
    real = {tool.name: tool.schema() for tool in await os.tool.ls()}

    async def chat(
        messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> Mapping[str, Any]:
        # A tool that the house has is offered as the house describes it.
        offered = [real.get(one["function"]["name"], one) for one in tools]
        sent = [_as_text(one) for one in messages]
        reply = await os.model.chat(sent, tools=offered, max_tokens=200)  # type: ignore[arg-type]
        return {"content": reply.content, "tool_calls": reply.tool_calls}

    figures = {}
    for name, suite in SUITES.items():
        if name == "passages":
            continue
        solved = 0
        for task in suite(count, 0):
            world = LiveWorld(os, task.now, home)
            await world.prepare(task)
            outcome = await solve(task, chat, world)
            solved += outcome.solved
            if show and not outcome.solved:
                print(f"{name}: {task.prompt!r}\n  {outcome.answer!r}\n  {outcome.expected!r}")
        figures[name] = 100 * solved / count
    os.client.close()
    return figures


def _as_text(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with its calls' arguments as JSON text, as the syscall wants them."""
    return message | {"content": message.get("content") or ""}


def main() -> None:
    """Run the benchmark."""
    parser = asked("embedded", __doc__)
    parser.add_argument("--count", type=int, default=500, help="tasks of each suite")
    parser.add_argument("--show", action="store_true", help="print the tasks that failed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder)) as path:
        figures = asyncio.run(measure(path, Path(folder), options.count, options.show))
    for name, percent in figures.items():
        print(f"{name:<14} {percent:6.1f} %")
    if options.json:
        print(json.dumps({name: round(percent, 1) for name, percent in figures.items()}))


if __name__ == "__main__":
    main()
