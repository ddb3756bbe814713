"""A daemon under its keeper, and its processes by what they are.

Interface:
    Yard            a context; `session`, `victims`, `kill`
"""

from __future__ import annotations

import asyncio
import contextlib
import os as machine
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType

from llmagentos.syscalls.client import connect
from llmagentos.syscalls.errors import DeviceError
from llmagentos.syscalls.os import OS

from .witness import installed

KERNEL, ZYGOTE, PROVIDER, AGENT = "kernel", "zygote", "provider", "agent"
#: The keeper, which does not mind how often the kernel dies.
KEEPER = """
import sys
from llmagentos.kernel import keeper, restarts
restarts.INTENSITY, restarts.LONGEST_DELAY = 10**9, 0.0
sys.exit(keeper.main())
"""
ROOT = Path(__file__).resolve().parents[2]
#: Seconds until a daemon has to accept connections again.
PATIENCE = 60.0


class Yard:
    """Owns the daemon. Whoever kills it needs no more than `kill`."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.plugins = folder / "plugins"
        self.socket = self.state / "kernel.sock"
        self.port = _free_port()
        #: How often the keeper has been started, and when somebody was killed last.
        self.starts, self.last_kill = 0, 0.0
        self._keeper: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._closing = False

    async def __aenter__(self) -> Yard:
        installed(self.plugins)
        self.state.mkdir(parents=True)
        self._keeper = asyncio.create_task(self._keep())
        async with self.session():
            return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        if self._keeper is not None:
            await self._keeper

    async def _keep(self) -> None:
        path = machine.pathsep.join((str(self.plugins), str(ROOT)))
        places = ("--state", str(self.state), "--runtime", str(self.state))
        with (self.state / "daemon.log").open("ab") as log:
            while not self._closing:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-c", KEEPER, *places, "--port", str(self.port),
                    stdout=log, stderr=log, env={**machine.environ, "PYTHONPATH": path},
                )  # fmt: skip
                self.starts += 1
                await self._process.wait()

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[OS]:
        """Yield the system over a connection of its own, once there is a daemon that accepts it.

        Raises `DeviceError` where none does for a minute.
        """
        sock, begun = socket.socket(socket.AF_UNIX), time.monotonic()
        while True:
            try:
                sock.connect(str(self.socket))
                break
            except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
                if time.monotonic() - begun > PATIENCE:
                    sock.close()
                    raise DeviceError("the daemon does not come back") from None
                await asyncio.sleep(0.05)
        client = await connect(sock)
        try:
            yield OS(client)
        finally:
            client.close()

    def victims(self) -> dict[str, list[int]]:
        """Return the daemon's processes, by what they are."""
        found: dict[str, list[int]] = {KERNEL: [], ZYGOTE: [], PROVIDER: [], AGENT: []}
        if self._process is None or self._process.returncode is not None:
            return found
        parents = _parents()
        kernel = next((pid for pid, parent in parents.items() if parent == self._process.pid), 0)
        if not kernel:
            return found
        found[KERNEL].append(kernel)
        for zygote in sorted(pid for pid, parent in parents.items() if parent == kernel):
            found[ZYGOTE].append(zygote)
            # What runs without a sandbox is a driver's or service's.
            kind = PROVIDER if b"\0off\0off\0" in _command(zygote) else AGENT
            found[kind].extend(pid for pid, parent in parents.items() if parent == zygote)
        return found

    def kill(self, pid: int) -> bool:
        """End a process by SIGKILL; say whether there was one."""
        self.last_kill = time.monotonic()
        try:
            machine.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def _parents() -> dict[int, int]:
    """Return each process's parent."""
    found = {}
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (one / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    found[int(one.name)] = int(fields[1])
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
