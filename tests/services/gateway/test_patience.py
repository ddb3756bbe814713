"""Connections that send, or read, too little or too much are ended."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from llmagentos.services.gateway import patience
from llmagentos.services.gateway.patience import MOST, Patient

#: Bytes of an answer that is given at once, and more than a socket holds.
WHOLE = 32 * 2**20
Scene = Callable[[int], Awaitable[None]]


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers with as many bytes as its path says, with many at once, or not
    before it has a whole body."""
    if scope["path"] == "/body":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/whole":
        await send({"type": "http.response.body", "body": b"x" * WHOLE})
        return
    count = int(scope["path"].strip("/") or 2)
    for _ in range(0, count, 65536):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def play() -> Callable[..., None]:
    def run(scene: Scene, **options: Any) -> None:
        async def whole() -> None:
            sock = socket.create_server(("127.0.0.1", 0))
            port = sock.getsockname()[1]
            config = uvicorn.Config(
                answers, http=Patient, h11_max_incomplete_event_size=MOST, lifespan="off",
                log_level="critical", **options,
            )  # fmt: skip
            config.load()
            server = uvicorn.Server(config)
            server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
            async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(server._serve([sock]))
                try:
                    await scene(port)
                finally:
                    server.should_exit = True
                    await serving
                    sock.close()

        asyncio.run(whole())

    return run


async def exchange(port: int, data: bytes) -> bytes:
    """Send some bytes and return all that comes until the other end hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_request_that_does_not_come_is_not_waited_for(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(patience, "HEADERS", 0.05)

    async def scene(port: int) -> None:
        head, _, body = (await exchange(port, begun)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ") and json.loads(body)["status"] == 408

    play(scene)


def test_second_request_that_drips_is_not_waited_for(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEADERS", 1.0)

    async def scene(port: int) -> None:
        said = await exchange(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT")
        assert said.startswith(b"HTTP/1.1 200 ") and b"ok" in said

    play(scene)


def test_headers_without_an_end_are_refused(play: Callable[..., None]) -> None:
    async def scene(port: int) -> None:
        head = await exchange(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * MOST)
        assert head.startswith(b"HTTP/1.1 431 ")

    play(scene)


def test_what_is_no_http_is_told_so(play: Callable[..., None]) -> None:
    async def scene(port: int) -> None:
        assert (await exchange(port, b"\x16\x03\x01\r\n\r\n")).startswith(b"HTTP/1.1 400 ")

    play(scene)


def test_client_that_reads_nothing_of_a_long_answer_is_hung_up_on(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "READING", 0.05)

    async def scene(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        transport: Any = writer.transport
        transport.pause_reading()
        writer.write(b"GET /67108864 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        ended = asyncio.Event()
        # The other end's abort is seen by writing on.
        while not ended.is_set():
            writer.write(b"x")
            try:
                await writer.drain()
            except ConnectionError:
                ended.set()
            if transport.is_closing():
                ended.set()
            await asyncio.sleep(0.01)
        writer.close()

    play(scene)


@pytest.mark.parametrize("head", [b"Content-Length: 99", b"Transfer-Encoding: chunked"])
def test_rest_of_a_body_that_was_answered_is_not_waited_for(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    """Each byte that drips in would otherwise keep the connection for as long again."""
    monkeypatch.setattr(patience, "HEADERS", 1.0)

    async def scene(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /0 HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"5")
        await reader.read()
        writer.close()

    play(scene)


@pytest.mark.parametrize("chunk", [b"-2\r\n{}\r\n", b"0x2\r\n", b"2\r\n{}XX", b"F" * 21 + b"\r\n"])
def test_body_that_is_no_http_is_told_so(play: Callable[..., None], chunk: bytes) -> None:
    async def scene(port: int) -> None:
        said = await exchange(
            port,
            b"POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk,
        )
        assert said.startswith(b"HTTP/1.1 400 ") and said.count(b"HTTP/1.1") == 1

    play(scene)


def test_of_those_who_read_nothing_the_first_goes_where_their_answers_take_too_much_room(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "UNREAD", WHOLE + WHOLE // 4)

    async def scene(port: int) -> None:
        loop = asyncio.get_running_loop()

        async def ask() -> socket.socket:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", port))
            asked = b"GET /whole HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            await loop.sock_sendall(sock, asked)
            assert await loop.sock_recv(sock, 13) == b"HTTP/1.1 200 "
            return sock

        async def rest(sock: socket.socket) -> int:
            size = 0
            with sock, suppress(ConnectionError):
                while some := await loop.sock_recv(sock, 2**20):
                    size += len(some)
            return size

        first, second = await ask(), await ask()
        assert await rest(first) < WHOLE < await rest(second)

    play(scene)


def test_certificate_makes_it_speak_tls(play: Callable[..., None], tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip

    async def scene(port: int) -> None:
        context = ssl.create_default_context(cafile=certificate)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()

    play(scene, ssl_certfile=certificate, ssl_keyfile=key)
