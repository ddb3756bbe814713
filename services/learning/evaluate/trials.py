"""Trials: agents work on tasks, as processes, many at once; what they did is read from the journal.

Interface:
    Order           a task that is to be tried, and how replies are drawn
    Trial           what came of it
    Trials          `run`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....syscalls.errors import NotFound
from ....syscalls.learning import Deed, Episode
from ....syscalls.os import OS
from .agent import PUPIL, RIGHTS, Agent
from .pupil import OWN
from .suite import Case
from .verifier import Result, Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A task that is to be tried."""

    case: Case
    #: How replies are drawn: arguments of `model.chat`, such as `model` and `temperature`.
    drawing: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of a task."""

    order: Order
    pid: int
    #: What the verifier says that it was worth.
    reward: float
    result: Result
    episode: Episode
    #: Why the model could not be asked; None for an agent whose calls were answered.
    failure: str | None = None


class Trials:
    """Runs agents on tasks. Each has a process, a folder and a memory of its own."""

    def __init__(
        self, os: OS, agent: Agent, verifier: Verifier, *, folder: Path, parallel: int = 32
    ) -> None:
        """`folder` is where an agent's own program is looked for; `parallel` are alive at once."""
        self._os, self._agent, self._verifier = os, agent, verifier
        self._folder = folder
        self._places: asyncio.Queue[int] = asyncio.Queue()
        for place in range(parallel):
            self._places.put_nowait(place)
        self._schemas: dict[str, dict[str, Any]] = {}

    async def run(
        self, orders: Sequence[Order], done: Callable[[int], None] = lambda count: None
    ) -> list[Trial]:
        """Try each task and return what came of it, in the same order. `done` is told how many are
        through, and what it raises ends it. Raises as `process.spawn` does."""
        # Whoever is told of a stranger's tools is tainted: none is that no task is for.
        names = {name for order in orders for name in self._agent.names(order.case)}
        listed = await self._os.tool.ls(only=sorted(names))
        self._schemas |= {one.name: one.schema() for one in listed}
        count = 0

        async def one(order: Order) -> int:
            nonlocal count
            pid = await self._work(order)
            count += 1
            done(count)
            return pid

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(order)) for order in orders]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        pids = [task.result() for task in tasks]
        episodes = await self._episodes(pids)
        for pid in pids:
            await self._os.process.remove(pid)
        return [
            self._judged(order, pid, episodes[pid]) for order, pid in zip(orders, pids, strict=True)
        ]

    async def _work(self, order: Order) -> int:
        """Run an agent to its end and return its pid."""
        agent, os = self._agent, self._os
        place = await self._places.get()
        try:
            pid = await os.process.spawn(
                PUPIL if agent.program is None else str(self._folder / agent.program),
                task=order.case.task,
                name=f"pupil-{place}",
                arguments=[agent.order(order.case, self._schemas, order.drawing)]
                if agent.program is None
                else None,
                capabilities=list(RIGHTS) if agent.program is None else None,
                timeout=agent.timeout,
            )
            await os.process.wait(pid)
            return pid
        finally:
            self._places.put_nowait(place)

    async def _episodes(self, pids: Sequence[int]) -> dict[int, Episode]:
        found: dict[int, Episode] = {}
        left = sorted(pids)
        while left:
            some = await self._os.learning.trajectories(pids=left[:200], limit=200)
            if not some:
                raise NotFound(f"the journal has nothing of {len(left)} agents, such as {left[0]}")
            found |= {one.pid: one for one in some}
            left = [pid for pid in left if pid not in found]
        return found

    def _judged(self, order: Order, pid: int, episode: Episode) -> Trial:
        result = outcome(episode, order.case)
        return Trial(
            order=order,
            pid=pid,
            reward=self._verifier(order.case, result),
            result=result,
            episode=episode,
            failure=next(
                (
                    f"{one.outcome}: {one.result}"
                    for one in episode.deeds
                    if one.syscall == "model.chat" and one.outcome != "ok"
                ),
                None,
            ),
        )


def outcome(episode: Episode, case: Case) -> Result:
    """Return what an episode ended in, as its deeds say."""
    chats = [one for one in episode.deeds if one.syscall == "model.chat"]
    last = chats[-1] if chats and chats[-1].outcome == "ok" else None
    ended = last is not None and not last.action.get("tool_calls")
    after = episode.deeds[episode.deeds.index(chats[-1]) + 1 :] if chats else []
    return Result(
        answer=str(last.action.get("content") or "") if last is not None and ended else None,
        memory=_memory(after),
        files=_files(after),
        exit_code=episode.exit_code,
        calls=tuple(
            {"tool": one.subject, "arguments": one.action, "result": one.result}
            for one in episode.deeds
            if one.syscall == "tool.call"
        ),
    )


def _memory(deeds: Sequence[Deed]) -> dict[str, str] | None:
    for deed in deeds:
        if deed.syscall == "memory.ls" and deed.subject == OWN and deed.outcome == "ok":
            return {one["key"]: str(one["value"]) for one in deed.result}
    return None


def _files(deeds: Sequence[Deed]) -> dict[str, str] | None:
    tools = [one for one in deeds if one.syscall == "tool.call" and one.outcome == "ok"]
    if not any(one.subject == "file_list" for one in tools):
        return None
    return {
        str(one.action.get("path")): str(one.result["text"])
        for one in tools
        if one.subject == "file_read"
    }
