"""The bus: one socketpair for each process, and the clock that the trap is told.

Interface:
    Bus(trap)         an asynchronous context; while it is open, calls are carried
    Bus.connect       the socket for a new process to inherit; the connection is its identity
    Bus.adopt         the same for a socket that somebody else has connected
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from types import TracebackType

from ..syscalls.connection import Connection
from .process import ControlBlock
from .trap import Trap

#: Seconds between two turns of the clock.
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
        await self.adopt(process, ours)
        return theirs

    async def adopt(
        self,
        process: ControlBlock,
        sock: socket.socket,
        on_lost: Callable[[ControlBlock], None] | None = None,
    ) -> None:
        """Attach a process by the kernel's end of its connection; `on_lost` is told of its end."""

        def lost(connection: Connection) -> None:
            self._connections.discard(connection)
            self._trap.on_lost(connection)
            if on_lost is not None:
                on_lost(process)

        connection = Connection(self._trap.on_frame, lost, throttled=True)
        self._trap.attach(process, connection)
        self._connections.add(connection)
        await asyncio.get_running_loop().create_connection(lambda: connection, sock=sock)

    def _tick(self) -> None:
        # Armed first: whatever goes wrong with one call, the clock goes on.
        self._timer = asyncio.get_running_loop().call_later(TICK, self._tick)
        self._trap.tick()
