"""A world in a process of its own, as an agent visits it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import gymnasium
import numpy as np
import pytest

from llmagentos.services.learning.rl import world_program
from llmagentos.services.learning.rl.visit import Visit
from llmagentos.syscalls.blocking import BlockingOS
from llmagentos.syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    InvalidArgument,
    NotFound,
    TryAgain,
)
from llmagentos.syscalls.os import OS

AGENT, WORLD, STRANGER = 10, 11, 12


class System:
    """The operating system as an agent and its world see it; the world answers at once."""

    def __init__(self) -> None:
        self.process = self.ipc = self
        self.inbox: list[tuple[int, Any]] = []
        self.outbox: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        self.full = 1
        self.killed: list[int] = []
        self.silent = False

    # As the agent sees it.

    async def spawn(self, program: str, task: str, **how: Any) -> int:
        assert how["capabilities"] == ["ipc.*"]
        self.task = task
        return WORLD

    async def signal(self, pid: int, name: str) -> None:
        self.killed.append(pid)
        raise NotFound("it has ended")

    async def send(self, to: int, body: Any) -> None:
        if self.silent:
            return
        self.inbox += [(AGENT, body), (STRANGER, {"number": 1, "act": 0}), (AGENT, "nonsense")]
        world_program.main(cast(BlockingOS, _Blocking(self)), self.task)

    async def recv(self) -> Any:
        sender, body = await self.outbox.get()
        return SimpleNamespace(sender=sender, body=body)


class _Blocking:
    """As the world sees it."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.ipc = self

    def call(self, name: str, deadline: float) -> Any:
        assert (name, deadline) == ("ipc.recv", world_program.IDLE)
        if not self._system.inbox:
            raise DeadlineExceeded
        sender, body = self._system.inbox.pop(0)
        return {"sender": sender, "body": body}

    def send(self, to: int, body: Any) -> None:
        assert to == AGENT
        if self._system.full:
            self._system.full -= 1
            raise TryAgain
        self._system.outbox.put_nowait((STRANGER, {"number": body["number"]}))
        self._system.outbox.put_nowait((WORLD, {"number": -1}))
        self._system.outbox.put_nowait((WORLD, body))


def visit(work: Callable[[Visit], Awaitable[Any]], id: str, **how: Any) -> Any:
    async def whole() -> Any:
        system = System()
        async with Visit(cast(OS, system), id, **how) as world:
            system.silent = how.get("seconds") == 0.0
            found = await work(world)
        assert system.killed == [WORLD]
        return found

    return asyncio.run(whole())


def test_world_shows_what_it_is_and_what_comes_of_an_action() -> None:
    async def work(world: Visit) -> Any:
        return await world.reset(seed=3)

    seen = visit(work, "FrozenLake-v1", render_mode="ansi")
    assert (seen.observation, seen.reward, seen.over) == (0, 0.0, False)
    assert "FFF" in seen.text
    pole = visit(work, "CartPole-v1")
    assert len(pole.observation) == 4 and pole.text is None


@pytest.mark.parametrize(
    ("id", "action", "error"),
    [
        ("FrozenLake-v1", 9, InvalidArgument),
        ("FrozenLake-v1", "left", InvalidArgument),
        ("FrozenLake-v1", [[1]], InvalidArgument),
        ("Nowhere-v1", 0, InvalidArgument),
        ("FrozenLake-v1", 0, DeviceError),  # It was not reset.
    ],
)
def test_bad_action_and_bad_world_are_typed_errors(
    id: str, action: Any, error: type[Exception]
) -> None:
    async def work(world: Visit) -> None:
        with pytest.raises(error):
            await world.act(action)

    visit(work, id)


def test_world_that_hangs_is_given_up() -> None:
    async def work(world: Visit) -> None:
        with pytest.raises(DeviceError, match="has not answered"):
            await world.reset()

    visit(work, "FrozenLake-v1", seconds=0.0)


def test_letters_close_the_world() -> None:
    env = world_program.open_world(world_program.World(id="FrozenLake-v1"))
    seen = world_program.answered(env, {"reset": 1})
    assert seen["actions"] == "Discrete(4)"
    assert world_program.answered(env, {"act": 1})["observation"] in range(16)
    assert world_program.answered(env, {"close": True}) == {}


def test_observations_become_what_a_message_carries() -> None:
    nested = {"place": (np.int64(3), np.array([1.5, 2.0])), 7: "text"}
    assert world_program.plain(nested) == {"place": [3, [1.5, 2.0]], "7": "text"}
    assert world_program.plain(gymnasium.spaces.Discrete(3).sample()) in (0, 1, 2)
