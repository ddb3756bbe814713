"""Callers from outside, over the control socket and over HTTP.

What a daemon has acknowledged they expect to find again; a call of theirs that neither returns nor
fails within its deadline hangs.

Interface:
    Ledger          what was acknowledged, and what hung
    over_socket, over_http      callers, until they are cancelled
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

import aiohttp

from llmagentos.syscalls.errors import LLMAgentOSError

from .yard import Yard

#: Seconds that a call is given, and those after which it hangs: without a kernel it waits in the
#: keeper's queue, and kernels are killed while they start.
DEADLINE, HANGS = 5.0, 60.0


@dataclass
class Ledger:
    """What callers know."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    failed: int = 0
    hung: list[str] = field(default_factory=list)


async def over_socket(yard: Yard, ledger: Ledger, name: str) -> None:
    """Store numbers and read them back, over one connection as long as it lasts."""
    numbers = itertools.count()
    while True:
        try:
            async with yard.session() as os:
                while not os.client.connection.closed:
                    number = next(numbers)
                    key = f"{name}.{number}"
                    ledger.calls += 1
                    async with asyncio.timeout(HANGS):
                        await os.call(
                            "memory.put", {"key": key, "value": number}, deadline=DEADLINE
                        )
                        ledger.acknowledged[key] = number
                        item = await os.call("memory.get", {"key": key}, deadline=DEADLINE)
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
    limit = aiohttp.ClientTimeout(total=HANGS)
    async with aiohttp.ClientSession(timeout=limit, headers=headers) as session:
        for number in itertools.count():
            key = f"{name}.{number}"
            ledger.calls += 1
            try:
                async with session.post(url, json={"key": key, "value": number}) as answer:
                    if answer.status == 200:
                        ledger.acknowledged[key] = number
                    else:
                        ledger.failed += 1
            except TimeoutError:
                ledger.hung.append(f"a request of {name}")
            except aiohttp.ClientError:
                ledger.failed += 1
            await asyncio.sleep(0.05)
