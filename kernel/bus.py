"""The bus: one socketpair for each process, and the clock that ends overdue calls.

Interface:
    Bus(trap)         an asynchronous context; while it is open, calls are carried
    Bus.connect       the socket for a new process to inherit; the connection is its identity
"""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType

from ..syscalls.connection import Connection
from .process import ControlBlock
from .trap import Trap

#: Seconds between two looks at the deadlines.
TICK = 0.02


class Bus:
    """Owns the kernel's end of every connection."""

    def __init__(self, trap: Trap) -> None:
        self._trap = trap
        self._connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Bus:
        self._tick()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._connections):
            connection.close()

    async def connect(self, process: ControlBlock) -> socket.socket:
        """Attach a process and return its end, which the caller passes on or closes."""
        ours, theirs = socket.socketpair()
        connection = Connection(self._trap.on_frame, self._on_lost)
        self._trap.attach(process, connection)
        self._connections.add(connection)
        await asyncio.get_running_loop().create_connection(lambda: connection, sock=ours)
        return theirs

    def _on_lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._trap.on_lost(connection)

    def _tick(self) -> None:
        self._trap.expire()
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)
