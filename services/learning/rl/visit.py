"""A gymnasium environment as an agent's world, in a process below the agent.

    async with Visit(os, "FrozenLake-v1") as world:
        seen = await world.reset(seed=7)
        while not seen.over:
            seen = await world.act(2)

What is done there goes over the agent's mailbox, and so stands in its journal like all it does.

Interface:
    Visit           a context: `reset` and `act`
    Seen            what the agent sees
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ....syscalls.errors import DeviceError, LLMAgentOSError, from_wire
from ....syscalls.os import OS

PROGRAM = "llmagentos.services.learning.rl.world_program:main"
#: Seconds in which an answer comes; a world that takes longer hangs.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the agent sees after a step."""

    #: Numbers, lists and maps, by the environment's space.
    observation: Any
    reward: float
    #: Whether it has come to its end, or was cut off.
    ended: bool
    cut: bool
    #: The world as a text, where it shows itself in one.
    text: str | None

    @property
    def over(self) -> bool:
        """Whether the episode is over."""
        return self.ended or self.cut


class Visit:
    """One world. One call at a time; nothing else may read the agent's mailbox meanwhile."""

    def __init__(
        self,
        os: OS,
        id: str,
        *,
        steps: int | None = None,
        seconds: float = PATIENCE,
        **arguments: Any,
    ) -> None:
        """`arguments` are the environment's own; `render_mode="ansi"` lets it show itself."""
        self._os = os
        self._task = json.dumps({"id": id, "steps": steps, "arguments": arguments})
        self._id, self._seconds = id, seconds
        self._number = 0
        self._pid = 0

    async def __aenter__(self) -> Visit:
        self._pid = await self._os.process.spawn(
            PROGRAM, task=self._task, name="world", capabilities=["ipc.*"], remove=True
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._os.process.signal(self._pid, "KILL")
        except LLMAgentOSError:
            pass  # It has ended by itself.

    async def reset(self, seed: int | None = None) -> Seen:
        """Begin an episode. Raises `InvalidArgument` for a world that cannot be made, and
        `DeviceError` for one that breaks or hangs."""
        return await self._ask(reset=seed)

    async def act(self, action: Any) -> Seen:
        """Act. Raises `InvalidArgument` for an action that there is not, and as `reset`."""
        return await self._ask(act=action)

    async def _ask(self, **order: Any) -> Seen:
        self._number += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._os.ipc.send(self._pid, {"number": self._number, **order})
                answer = await self._answer()
        except TimeoutError:
            raise DeviceError(
                f"the world {self._id} has not answered in {self._seconds:g} s"
            ) from None
        if "error" in answer:
            code, message = answer["error"]
            raise from_wire(code, message, {})
        names = ("observation", "reward", "ended", "cut", "text")
        return Seen(**{name: answer[name] for name in names})

    async def _answer(self) -> dict[str, Any]:
        """Return the world's letter to the last order; others are dropped."""
        while True:
            letter = await self._os.ipc.recv()
            body = letter.body
            if letter.sender == self._pid and body.get("number") == self._number:
                return dict(body)
