"""The control socket: how people's own commands reach the kernel.

A Unix socket; the machine says who connects (SO_PEERCRED). The owner alone may open it, and whoever
the policy lets in by its user's name. Each connection is a session: a process without a program,
with all of the owner's rights, or with those that the policy gives.

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
from .process import ControlBlock, Kind, ProcessTable
from .rights.principals import Principals

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

    def __init__(
        self,
        path: Path,
        bus: Bus,
        table: ProcessTable,
        principals: Principals | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        """`listener`: the socket, where somebody else holds it and outlives the kernel."""
        self._path = path
        self._bus = bus
        self._table = table
        self._principals = principals or Principals(user_name(os.getuid()))
        self._listener = listener
        self._kept = listener is not None
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None
        #: Told of each session's end.
        self.on_end: list[Callable[[ControlBlock], None]] = []

    async def __aenter__(self) -> Control:
        if self._listener is None:
            self._path.unlink(missing_ok=True)
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            mask = os.umask(0o177)
            try:
                self._listener.bind(str(self._path))
            finally:
                os.umask(mask)
            self._listener.listen(128)
        self._listener.setblocking(False)
        self.open_to_named()
        self._principals.on_change.append(self.open_to_named)
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
            if not self._kept:
                self._path.unlink(missing_ok=True)

    def open_to_named(self) -> None:
        """Let other users reach the socket while the policy names one; who they are is asked there.

        Its folder has to let them through, which is for the owner to say.
        """
        others = any(one.socket for one in self._principals.policy.principals.values())
        self._path.chmod(0o666 if others else 0o600)

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
        who = self._principals.owner if uid in (os.getuid(), 0) else user_name(uid)
        named = self._principals.policy.principals.get(who)
        if who != self._principals.owner and (named is None or not named.socket):
            sock.close()
            return
        session = self._table.create(
            principal=who,
            program=f"session of process {os_pid}",
            capabilities=self._principals.ceiling(who),
            kind=Kind.SESSION,
            name="session",
            purse=self._principals.purse(who),
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
