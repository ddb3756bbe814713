"""A place where processes are launched, and their ends told, on a real zygote."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from llmagentos.kernel.launcher.contract import Launch, Launched
from llmagentos.kernel.launcher.zygote import ZygoteLauncher
from llmagentos.kernel.sandbox.layers import Sandbox

FREE = Sandbox.none()
SEALED = Sandbox()


class Yard:
    """A launcher, and the ends that it tells of."""

    def __init__(self, folder: Path, launcher: ZygoteLauncher) -> None:
        self.folder = folder
        self.launcher = launcher
        self.launcher.on_exit = self._on_exit
        self.ends: list[tuple[int, int, int]] = []
        #: The machine's number of each process.
        self.born: dict[int, int] = {}
        #: The kernel's end of each process's connection.
        self.sockets: dict[int, socket.socket] = {}
        self._changed = asyncio.Event()
        (folder / "home").mkdir()

    def _on_exit(self, pid: int, code: int, number: int) -> None:
        self.ends.append((pid, code, number))
        self._changed.set()

    async def launch(self, pid: int, *argv: str, sandbox: Sandbox = FREE, **more: Any) -> Launched:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.sockets[pid] = ours
        order: dict[str, Any] = {
            "pid": pid,
            "entry": "",
            "argv": argv,
            "arguments": {},
            "home": self.folder / "home",
            "log": self.folder / f"{pid}.log",
            "sandbox": sandbox,
        }
        with theirs:
            launched = await self.launcher.launch(Launch(**{**order, **more}), theirs)
        self.born[pid] = launched.os_pid
        return launched

    async def program(self, pid: int, text: str, sandbox: Sandbox = FREE) -> Launched:
        """Launch a program that the zygote itself runs, without an exec."""
        path = self.folder / "home" / f"program{pid}.py"
        path.write_text(text)
        return await self.launch(
            pid,
            sandbox=sandbox,
            argv=None,
            entry="llmagentos.syscalls.program:run",
            arguments={"program": str(path)},
        )

    async def ended(self, count: int) -> dict[int, tuple[int, int]]:
        """Wait for so many ends; return code and signal by pid."""
        while len(self.ends) < count:
            self._changed.clear()
            await self._changed.wait()
        return {pid: (code, number) for pid, code, number in self.ends}

    def said(self, pid: int) -> str:
        return (self.folder / f"{pid}.log").read_text()

    async def gone(self, pid: int) -> None:
        """Wait until nobody holds a process's end of its connection any more."""
        while await asyncio.get_running_loop().sock_recv(self.sockets[pid], 1024):
            pass

    async def close(self) -> None:
        """Kill what is left, so that its end is told to nobody else."""
        told = {pid for pid, _, _ in self.ends}
        for pid in self.born.keys() - told:
            self.launcher.signal(self.born[pid], signal.SIGKILL)
        while not self.born.keys() <= {pid for pid, _, _ in self.ends}:
            await self.ended(len(self.ends) + 1)
        for sock in self.sockets.values():
            sock.close()


async def settle(turns: int = 5) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


Scene = Callable[[Yard], Awaitable[None]]


def status_of(os_pid: int) -> tuple[str, int]:
    """Return a process's state and its parent."""
    state, parent = Path(f"/proc/{os_pid}/stat").read_text().rpartition(")")[2].split()[:2]
    return state, int(parent)
