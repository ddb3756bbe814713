"""The house as a sound caller sees it while it is attacked.

Interface:
    House           `processes`, `latency`
    resident        a process's memory
"""

from __future__ import annotations

import asyncio
import os as machine
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS

T = TypeVar("T")


class House:
    """Asks a daemon by its control socket, over a new connection each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, scene: Callable[[OS], Awaitable[T]]) -> T:
        """Return what a scene finds out."""

        async def run() -> T:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(self._path))
            os = OS(await connect(sock))
            try:
                return await scene(os)
            finally:
                os.client.close()

        return asyncio.run(run())

    def processes(self) -> dict[int, str]:
        """Return the drivers and services by the machine's numbers, and the kernel."""

        async def scene(os: OS) -> dict[int, str]:
            found = {
                one.os_pid: one.name
                for one in await os.process.ls(all=True)
                if one.os_pid is not None and one.kind in ("driver", "service")
            }
            return {(await os.system.status()).os_pid: "kernel", **found}

        return self.ask(scene)

    def latency(self) -> float:
        """Return the seconds that a sound call takes."""

        async def scene(os: OS) -> float:
            begun = time.perf_counter()
            await os.clock.now()
            return time.perf_counter() - begun

        return self.ask(scene)

    def url(self) -> str:
        """Return where the HTTP API is, once everything is up and the model is loaded."""

        async def scene(os: OS) -> str:
            await os.model.chat([{"role": "user", "content": "hello"}], max_tokens=1)
            for _ in range(100):
                if url := (await os.system.status()).url:
                    return url
                await asyncio.sleep(0.1)
            raise SystemExit("the gateway did not come up")

        return self.ask(scene)


def resident(pid: int) -> float:
    """Return a process's memory in MB; 0 for one that has gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * machine.sysconf("SC_PAGE_SIZE") / 1e6
