"""A connection hands on whole frames and refuses a broken stream without hanging."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from llmagentos.syscalls.codec import Decoder, unpack
from llmagentos.syscalls.connection import Connection
from llmagentos.syscalls.message import MAX_FRAME, VERSION, Kind

Frames = asyncio.Queue[tuple[list[Any], bytes]]


async def connected() -> tuple[Connection, Frames, asyncio.Event, socket.socket]:
    here, there = socket.socketpair()
    there.setblocking(False)
    frames: Frames = asyncio.Queue()
    lost = asyncio.Event()
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(lambda _, *frame: frames.put_nowait(frame), lambda _: lost.set()),
        sock=here,
    )
    return connection, frames, lost, there


def test_frame_travels_from_end_to_end() -> None:
    async def scene() -> None:
        connection, _, lost, there = await connected()
        connection.send((VERSION, Kind.SIGNAL, 0, "SIGTERM"), b"\xc0")
        data = await asyncio.get_running_loop().sock_recv(there, 4096)
        assert list(Decoder().feed(data)) == [([VERSION, Kind.SIGNAL, 0, "SIGTERM"], b"\xc0")]
        there.close()
        await asyncio.wait_for(lost.wait(), 60)
        assert connection.closed
        connection.send((VERSION, Kind.CANCEL, 1))

    asyncio.run(scene())


def test_broken_stream_is_told_why_and_closed() -> None:
    async def scene() -> None:
        connection, frames, lost, there = await connected()
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(there, struct.pack("!IH", MAX_FRAME + 1, 3))
        await asyncio.wait_for(lost.wait(), 60)
        header, body = next(Decoder().feed(await loop.sock_recv(there, 4096)))
        assert header[1:] == [Kind.ERROR, 0, "E2BIG"]
        assert str(MAX_FRAME) in unpack(body)[0]
        assert connection.closed and frames.empty()
        there.close()

    asyncio.run(scene())
