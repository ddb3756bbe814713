"""The control socket: how people's own commands reach the kernel.

A Unix socket that the owner alone may open; the machine says who connects (SO_PEERCRED). Each
connection is a session: a process without a program, with all of the owner's rights.

Interface:
    Control         an asynchronous context; while it is open, sessions are accepted
"""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from .bus import Bus
from .capability import CapabilitySet
from .process import ControlBlock, Kind, ProcessTable

#: Seconds until the next attempt when the machine refuses a connection, as for want of files.
PAUSE = 0.1
_CREDENTIALS = struct.Struct("3i")


def user_name(uid: int) -> str:
    """Return a user's name, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class Control:
    """Accepts the owner's sessions."""

    def __init__(self, path: Path, bus: Bus, table: ProcessTable) -> None:
        self._path = path
        self._bus = bus
        self._table = table
        self._listener: socket.socket | None = None
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None
        #: Told of each session's end.
        self.on_end: list[Callable[[ControlBlock], None]] = []

    async def __aenter__(self) -> Control:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        mask = os.umask(0o177)
        try:
            self._listener.bind(str(self._path))
        finally:
            os.umask(mask)
        self._listener.listen(128)
        await self._group.__aenter__()
        self._task = self._group.create_task(self._accept(self._listener))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
        try:
            # A defect in it has cancelled whoever entered, and comes out here; an error of the
            # house's own passes by as it is.
            await self._group.__aexit__(None, None, None)
        finally:
            if self._listener is not None:
                self._listener.close()
            self._path.unlink(missing_ok=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
                await self._open(sock)
            except OSError:
                # One that could not be accepted waits in the queue of the socket.
                await asyncio.sleep(PAUSE)

    async def _open(self, sock: socket.socket) -> None:
        """Begin a session. Raises `OSError` for a connection that has broken meanwhile."""
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        os_pid, uid, _ = _CREDENTIALS.unpack(raw)
        if uid not in (os.getuid(), 0):
            sock.close()
            return
        session = self._table.create(
            principal=user_name(os.getuid()),
            program=f"session of process {os_pid}",
            capabilities=CapabilitySet.parse(["*"]),
            kind=Kind.SESSION,
            name="session",
        )
        try:
            await self._bus.adopt(session, sock, self._ended)
        except OSError:
            sock.close()
            self._ended(session)
            raise

    def _ended(self, session: ControlBlock) -> None:
        self._table.exit(session, 0, "hung up")
        self._table.reap(session.pid)
        for told in self.on_end:
            told(session)
