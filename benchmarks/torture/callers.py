"""Callers from outside, over the control socket and over HTTP.

What a daemon has acknowledged they expect to find again; a call of theirs that neither returns nor
fails once nobody is killed any more hangs.

Interface:
    Ledger          what was acknowledged, and what hung
    over_socket, over_http      callers, until the ledger is closed
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp

from llmagentos.syscalls.errors import LLMAgentOSError

from .yard import Yard

T = TypeVar("T")
#: Seconds that a call is given, and those after it and the last kill after which it hangs: without
#: a kernel it waits in the keeper's queue, and kernels are killed while they start.
DEADLINE, HANGS = 5.0, 60.0


@dataclass
class Ledger:
    """What callers know."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    failed: int = 0
    hung: list[str] = field(default_factory=list)
    #: Whether callers are to make no more calls.
    closed: bool = False


async def ended(yard: Yard, call: Awaitable[T]) -> T:
    """Return what a call brings. Raises TimeoutError for one that hangs."""
    task, begun = asyncio.ensure_future(call), time.monotonic()
    try:
        while not (await asyncio.wait({task}, timeout=1.0))[0]:
            if time.monotonic() - max(begun, yard.last_kill) > HANGS:
                raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def over_socket(yard: Yard, ledger: Ledger, name: str) -> None:
    """Store numbers and read them back, over one connection as long as it lasts."""
    numbers = itertools.count()
    while not ledger.closed:
        try:
            async with yard.session() as os:
                while not (os.client.connection.closed or ledger.closed):
                    number = next(numbers)
                    key = f"{name}.{number}"
                    ledger.calls += 1
                    told = {"key": key, "value": number}
                    await ended(yard, os.call("memory.put", told, deadline=DEADLINE))
                    ledger.acknowledged[key] = number
                    asked = os.call("memory.get", {"key": key}, deadline=DEADLINE)
                    item = await ended(yard, asked)
                    if item["value"] != number:
                        ledger.hung.append(f"{key} reads {item['value']}, not {number}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            ledger.hung.append(f"a call of {name}")
        except (LLMAgentOSError, OSError):
            ledger.failed += 1
            await asyncio.sleep(0.05)


async def over_http(yard: Yard, ledger: Ledger, name: str, token: str) -> None:
    """The same by requests."""
    url = f"http://127.0.0.1:{yard.port}/api/v1/syscalls/memory.put"
    headers = {"Authorization": f"Bearer {token}", "X-Deadline-Seconds": str(DEADLINE)}
    limit = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=limit, headers=headers) as session:

        async def put(key: str, number: int) -> int:
            async with session.post(url, json={"key": key, "value": number}) as answer:
                return answer.status

        for number in itertools.count():
            if ledger.closed:
                break
            key = f"{name}.{number}"
            ledger.calls += 1
            try:
                if await ended(yard, put(key, number)) == 200:
                    ledger.acknowledged[key] = number
                else:
                    ledger.failed += 1
            except TimeoutError:
                ledger.hung.append(f"a request of {name}")
            except aiohttp.ClientError:
                ledger.failed += 1
            await asyncio.sleep(0.05)
