"""The reference of `benchmarks.syscall`: a bare star of uvloop protocols, and nothing else.

A client sends a length-prefixed msgpack header with an opaque body; the relay decodes the header
and either echoes the frame (one hop) or passes it on to the echo process (two hops).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import msgpack

_PREFIX = struct.Struct("!IH")
OnFrame = Callable[[list[Any], bytes], None]


class BareProtocol(asyncio.Protocol):
    """Cuts frames and hands them on; no checks, no errors, no flow control."""

    def __init__(self) -> None:
        self.on_frame: OnFrame = lambda header, body: None
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        buffer, start = self._buffer + data, 0
        while len(buffer) - start >= 6:
            size, head = _PREFIX.unpack_from(buffer, start)
            if len(buffer) - start < 4 + size:
                break
            middle, stop = start + 6 + head, start + 4 + size
            self.on_frame(msgpack.unpackb(buffer[start + 6 : middle]), buffer[middle:stop])
            start = stop
        self._buffer = buffer[start:]

    def send(self, header: list[Any], body: bytes) -> None:
        """Write one frame."""
        head = msgpack.packb(header)
        self._transport.write(_PREFIX.pack(2 + len(head) + len(body), len(head)) + head + body)


async def attach(sock: socket.socket) -> BareProtocol:
    """Return a protocol on a connected socket."""
    _, protocol = await asyncio.get_running_loop().create_connection(BareProtocol, sock=sock)
    return protocol


class BareClient:
    """Sends a payload and awaits its echo."""

    def __init__(self, protocol: BareProtocol) -> None:
        self._protocol = protocol
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._last = 0
        protocol.on_frame = self._on_frame

    def _on_frame(self, header: list[Any], body: bytes) -> None:
        self._calls.pop(header[2]).set_result(msgpack.unpackb(body))

    async def call(self, target: str, payload: dict[str, Any]) -> Any:
        """Send to `one` (the relay answers) or `two` (the echo process answers)."""
        self._last += 1
        self._calls[self._last] = future = asyncio.get_running_loop().create_future()
        self._protocol.send([1, 0, self._last, target], msgpack.packb(payload))
        return await future


async def relay(client: socket.socket, echo: socket.socket) -> None:
    """Start passing frames between the two ends."""
    near, far = await attach(client), await attach(echo)

    def from_client(header: list[Any], body: bytes) -> None:
        (far if header[3] == "two" else near).send(header, body)

    near.on_frame, far.on_frame = from_client, near.send
