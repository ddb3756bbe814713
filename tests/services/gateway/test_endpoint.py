from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from llmagentos.services.gateway.endpoint import Endpoint
from llmagentos.syscalls.errors import InputOutputError

Scene = Callable[["Desk"], Awaitable[None]]


class Desk:
    """An endpoint, and the connections that came over it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: asyncio.Queue[socket.socket] = asyncio.Queue()
        self.endpoint = Endpoint(path, lambda sock, relay: self.taken.put_nowait(sock))

    def relay(self) -> socket.socket:
        """Return a connection as a relay makes it, whose folder is where the socket lies."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.setblocking(False)
        folder = os.open(self.path.parent, os.O_PATH)
        try:
            sock.connect(f"/proc/self/fd/{folder}/{self.path.name}")
        finally:
            os.close(folder)
        return sock


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    folder = tmp_path / ("long-" * 30)
    folder.mkdir()

    def run(scene: Scene) -> None:
        async def whole() -> None:
            async with asyncio.timeout(60):
                desk = Desk(folder / "e.sock")
                try:
                    await scene(desk)
                finally:
                    desk.endpoint.close()

        asyncio.run(whole())

    return run


def test_connection_that_is_handed_over_is_served(play: Callable[[Scene], None]) -> None:
    async def scene(desk: Desk) -> None:
        assert desk.path.stat().st_mode & 0o777 == 0o600
        with socket.create_server(("127.0.0.1", 0)) as server, desk.relay() as relay:
            for _ in range(3):
                client = socket.create_connection(server.getsockname())
                with server.accept()[0] as connection:
                    socket.send_fds(relay, [b"\0"], [connection.fileno()])
                with await desk.taken.get() as taken, client:
                    taken.send(b"hello")
                    assert client.recv(9) == b"hello" and not taken.getblocking()

    play(scene)


def test_what_is_no_connection_is_closed_and_others_go_on(play: Callable[[Scene], None]) -> None:
    async def scene(desk: Desk) -> None:
        ours, theirs = socket.socketpair()
        wrong, right = desk.relay(), desk.relay()
        file = os.open(os.devnull, os.O_RDONLY)
        with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            for one in (theirs.fileno(), file, datagrams.fileno()):
                socket.send_fds(wrong, [b"\0"], [one])
            socket.send_fds(wrong, [b"\0"], [])
        os.close(file)
        theirs.close()
        ours.setblocking(False)
        # Its other end was closed here and there.
        assert await asyncio.get_running_loop().sock_recv(ours, 1) == b""
        with socket.socket() as connection:
            socket.send_fds(right, [b"\0"], [connection.fileno()])
        (await desk.taken.get()).close()
        assert desk.taken.empty()
        for one in (ours, wrong, right):
            one.close()

    play(scene)


def test_relay_that_leaves_is_forgotten_and_one_can_come_back(
    play: Callable[[Scene], None],
) -> None:
    async def scene(desk: Desk) -> None:
        for _ in range(2):
            with desk.relay() as relay, socket.socket() as connection:
                socket.send_fds(relay, [b"\0"], [connection.fileno()])
                (await desk.taken.get()).close()
        desk.endpoint.close()
        desk.endpoint = Endpoint(desk.path, lambda sock, relay: desk.taken.put_nowait(sock))
        with desk.relay():
            pass

    play(scene)


def test_socket_that_cannot_be_bound_is_an_error(tmp_path: Path) -> None:
    async def bind() -> None:
        (tmp_path / "e.sock").mkdir()
        with pytest.raises(InputOutputError, match="cannot be bound"):
            Endpoint(tmp_path / "e.sock", print)

    asyncio.run(bind())
