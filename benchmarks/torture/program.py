"""The durable agent that is tortured: its answer follows from its task, however often it dies.

In each round it stores a number, has an effect that must happen once, reads the number back, and
asks the model and a tool. What it stored is acknowledged once the call has returned; what is in
doubt it looks after, as any program with such an effect has to.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from llmagentos import OS
from llmagentos.syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    InDoubt,
    LLMAgentOSError,
    NotFound,
    TryAgain,
)

T = TypeVar("T")
#: After which a call that changes nothing is made again.
PASSING = (DeviceError, TryAgain, DeadlineExceeded, InDoubt)


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call that may be repeated until it succeeds."""
    for _ in range(600):
        try:
            return await call()
        except PASSING:
            await asyncio.sleep(0.1)
    return await call()


async def once(os: OS, line: str) -> None:
    """Have an effect exactly once."""
    while True:
        try:
            await os.call("witness.append", {"line": line})
            return
        except (InDoubt, DeadlineExceeded):
            if await patiently(lambda: os.call("witness.has", {"line": line})):
                return
        except (DeviceError, TryAgain):
            await asyncio.sleep(0.1)  # it was never begun


async def main(os: OS, task: str) -> int:
    """Work off a task `NAME:ROUNDS`."""
    name, _, rounds = task.partition(":")
    state = hashlib.sha256(name.encode())
    try:
        for number in range(int(rounds)):
            key = f"{name}.{number}"
            chance = await patiently(lambda: os.clock.random(4))
            state.update(key.encode())
            await patiently(lambda key=key, n=number: os.memory.put(key, {"number": n}))
            await once(os, key)
            item = await patiently(lambda key=key: os.memory.get(key))
            if item.value != {"number": number}:
                print(f"{key} was lost: {item.value}")
                return 3
            result = await patiently(
                lambda n=number: os.tool.call("calculator", {"expression": f"{n} + 1"})
            )
            state.update(result.text.encode())
            if int(chance, 16) % 8 == 0:
                await patiently(
                    lambda: os.model.chat([{"role": "user", "content": "hi"}], max_tokens=2)
                )
            await patiently(lambda: os.clock.sleep(0.05))
    except NotFound as error:
        print(f"lost: {error}")
        return 3
    except LLMAgentOSError as error:
        print(f"gave up: {error}")
        return 4
    print(state.hexdigest())
    return 0


def expected(name: str, rounds: int) -> str:
    """Return the answer of a task."""
    state = hashlib.sha256(name.encode())
    for number in range(rounds):
        state.update(f"{name}.{number}".encode())
        state.update(str(number + 1).encode())
    return state.hexdigest()
