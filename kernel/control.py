"""The control socket: how people's own commands reach the kernel.

A Unix socket; the machine says who connects (SO_PEERCRED). The owner alone may open it, and whoever
the policy lets in by its user's name. Each connection is a session: a process without a program,
with all of the owner's rights, or with those that the policy gives. Another user has a bounded
number of them; whoever is turned away is told why.

Interface:
    Control         an asynchronous context; while it is open, sessions are accepted
"""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..syscalls.codec import pack
from ..syscalls.connection import Connection
from ..syscalls.errors import LLMAgentOSError, PermissionDenied, TryAgain
from ..syscalls.message import VERSION
from ..syscalls.message import Kind as Message
from .background import Background
from .bus import Bus
from .process import ControlBlock, Kind, ProcessTable
from .rights.principals import Principals

#: Seconds until the next attempt when the machine refuses a connection, as for want of files.
PAUSE = 0.1
#: Sessions that a principal other than the owner may have open.
SESSIONS = 128
#: Connections of a user that are told at one time why they are turned away, and seconds within
#: which they have to ask; further ones are closed without a word.
TURNED_AWAY, MOMENT = 16, 2.0
_CREDENTIALS = struct.Struct("3i")


def user_name(uid: int) -> str:
    """Return a user's name, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def peer(sock: socket.socket) -> tuple[int, int]:
    """Return the pid and the user of whoever has connected, by the machine's word."""
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    os_pid, uid, _ = _CREDENTIALS.unpack(raw)
    return os_pid, uid


class Control(Background):
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
        self._sessions: Counter[str] = Counter()  # by principal
        self._turned_away: Counter[str] = Counter()
        #: Told of each session's end.
        self.on_end: list[Callable[[ControlBlock], None]] = []

    async def __aenter__(self) -> Self:
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
        return await super().__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
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

    async def _work(self) -> None:
        loop, listener = asyncio.get_running_loop(), self._listener
        assert listener is not None
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
                await self._open(sock)
            except OSError:
                # One that could not be accepted waits in the queue of the socket.
                await asyncio.sleep(PAUSE)

    async def _open(self, sock: socket.socket) -> None:
        """Begin a session. Raises `OSError` for a connection that has broken meanwhile."""
        os_pid, uid = peer(sock)
        who = self._principals.owner if uid in (os.getuid(), 0) else user_name(uid)
        named = self._principals.policy.principals.get(who)
        if who != self._principals.owner:
            if named is None or not named.socket:
                said = f"the policy does not let {who} connect (socket = true)"
                await self._turn_away(who, sock, PermissionDenied(said))
                return
            if self._sessions[who] >= SESSIONS:
                said = f"{SESSIONS} connections of {who} are open"
                await self._turn_away(who, sock, TryAgain(said, retry_after=1.0))
                return
        self._sessions[who] += 1
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

    async def _turn_away(self, who: str, sock: socket.socket, error: LLMAgentOSError) -> None:
        """Answer the first thing that is asked with why nothing is, and hang up."""
        if self._turned_away[who] >= TURNED_AWAY:
            sock.close()
            return

        def tell(connection: Connection, header: list[Any], body: bytes) -> None:
            answer = (VERSION, Message.ERROR, header[2], error.code)
            connection.send(answer, pack([error.message, error.details]))
            connection.close()

        def lost(connection: Connection) -> None:
            timer.cancel()
            _less(self._turned_away, who)

        loop, connection = asyncio.get_running_loop(), Connection(tell, lost)
        timer = loop.call_later(MOMENT, connection.close)
        self._turned_away[who] += 1
        try:
            await loop.create_connection(lambda: connection, sock=sock)
        except OSError:
            sock.close()
            lost(connection)
            raise

    def _ended(self, session: ControlBlock) -> None:
        _less(self._sessions, session.principal)
        self._table.exit(session, 0, "hung up")
        self._table.reap(session.pid)
        for told in self.on_end:
            told(session)


def _less(counted: Counter[str], who: str) -> None:
    counted[who] -= 1
    if counted[who] <= 0:
        del counted[who]
