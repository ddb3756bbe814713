"""Servers of tools over streamable HTTP: a real one, and one that does what none should."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from aiohttp import web
from mcp.server.mcpserver import Context, MCPServer

from llmagentos.drivers.tools.mcp import http as http_module
from llmagentos.drivers.tools.mcp import peer as peer_module
from llmagentos.drivers.tools.mcp.settings import read
from llmagentos.syscalls.errors import DeadlineExceeded, DeviceError

ECHO = {"name": "echo", "inputSchema": {"type": "object"}}


def sound(seen: list[Any]) -> MCPServer:
    """A server of the library's own, which notes the key of each call."""
    server = MCPServer("sound")

    @server.tool()
    def add(a: int, b: int, context: Context) -> int:
        """Add two numbers."""
        request: Any = context.request_context.request
        seen.append(request.headers.get("authorization"))
        return a + b

    @server.tool()
    async def grow(context: Context) -> str:
        """Offer another tool."""
        server.add_tool(lambda: "fresh", name="fresh", description="A fresh tool.")
        await context.notify_tools_changed()
        return "grown"

    return server


@asynccontextmanager
async def serving(app: Any, port: int = 0) -> AsyncIterator[int]:
    """Serve an app on a port of this machine."""
    config = uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    sock = config.bind_socket()
    task = asyncio.create_task(server._serve([sock]))
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def rough(answer: Callable[[Any, dict[str, Any]], Awaitable[Any]]) -> AsyncIterator[int]:
    """Serve by hand: what is no handshake and no list is answered by `answer`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        message = await request.json() if request.method == "POST" else {}
        number, method = message.get("id"), message.get("method")
        if request.method != "POST":
            return web.Response(status=405)
        if number is None:
            return web.Response(status=202)
        if method == "initialize":
            result = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "rough", "version": "1"},
            }
        elif method == "tools/list":
            result = {"tools": [ECHO]}
        elif method == "tools/call":
            return web.Response(**await answer(request, message))
        else:
            error = {"code": -32601, "message": "no such method"}
            return web.json_response({"jsonrpc": "2.0", "id": number, "error": error})
        return web.json_response({"jsonrpc": "2.0", "id": number, "result": result})

    app = web.Application()
    app.router.add_route("*", "/mcp", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    try:
        yield site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await runner.cleanup()


def test_a_server_is_called_with_its_key_and_its_changes_are_followed(play: Any) -> None:
    seen: list[Any] = []

    async def scene(house: Any) -> None:
        async with serving(sound(seen).streamable_http_app()) as port:
            settings = {"headers": {"Authorization": "Bearer k"}}
            url = f"http://127.0.0.1:{port}/mcp"
            server = await house.driver.connect("s", url=url, options=settings)
            assert (server.state, server.tools, server.address) == ("ready", 2, url)
            result = await house.driver.call("s_add", {"a": 2, "b": 3})
            assert (result.text, result.data, seen) == ("5", {"result": 5}, ["Bearer k"])
            assert (await house.driver.call("s_grow")).text == "grown"
            while not (found := await house.driver.search("fresh")):
                await house.driver.call("file_list")
            assert found[0].name == "s_fresh"
            assert (await house.driver.call("s_fresh")).text == "fresh"
            await house.driver.disconnect("s")
            assert not await house.driver.servers()

    play(scene)


def test_a_server_that_comes_back_is_connected_again(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_module, "FIRST", 0.05)

    async def scene(house: Any) -> None:
        async with serving(sound([]).streamable_http_app()) as port:
            await house.driver.connect("s", url=f"http://127.0.0.1:{port}/mcp")
        with pytest.raises(DeviceError, match="the server s"):
            await house.driver.call("s_add", {"a": 2, "b": 3})
        async with serving(sound([]).streamable_http_app(), port):
            while True:
                try:
                    assert (await house.driver.call("s_add", {"a": 2, "b": 3})).text == "5"
                    break
                except DeviceError:
                    await house.driver.call("file_list")

    play(scene)


def test_what_it_answers_is_bounded_in_time_and_size(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "ANSWER", 100_000)
    how = ""

    async def answer(request: Any, message: dict[str, Any]) -> dict[str, Any]:
        if how == "slow":
            await asyncio.Event().wait()
        content = [{"type": "text", "text": "x" * (2_000_000 if how == "huge" else 5)}]
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"content": content}})
        kinds = {"garbage": "text/html", "stream": "text/event-stream"}
        if how == "coded":
            return {"body": gzip.compress(body.encode()), "content_type": "application/json",
                    "headers": {"Content-Encoding": "gzip"}}  # fmt: skip
        if how == "stream":
            body = f"event: message\ndata: {'x' * 2_000_000}\n\n"
        return {"text": "{" if how == "json" else body,
                "status": 500 if how == "500" else 200,
                "content_type": kinds.get(how, "application/json")}  # fmt: skip

    async def scene(house: Any) -> None:
        nonlocal how
        async with rough(answer) as port:
            await house.driver.connect("r", url=f"http://127.0.0.1:{port}/mcp")
            assert (await house.driver.call("r_echo")).text == "xxxxx"
            how = "slow"
            with pytest.raises(DeadlineExceeded):
                await house.driver.call("r_echo", timeout=0.2)
            for how in ("huge", "garbage", "json", "500", "stream", "coded"):
                while True:
                    try:
                        failed = await house.driver.call("r_echo")
                        assert failed.failed, how
                        break
                    except DeviceError as error:
                        if "does not answer" not in error.message:
                            break
            how = ""
            while True:
                try:
                    assert (await house.driver.call("r_echo")).text == "xxxxx"
                    break
                except DeviceError:
                    await house.driver.call("file_list")

    monkeypatch.setattr(peer_module, "FIRST", 0.05)
    play(scene)


def test_events_are_read_no_faster_than_they_may_come(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "LINES", 100.0)

    async def answer(request: Any, message: dict[str, Any]) -> dict[str, Any]:
        content = [{"type": "text", "text": "said"}]
        said = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"content": content}})
        # Two hundred lines are free, and for fifty more it has to wait.
        body = ": nothing\n" * 250 + f"\nevent: message\ndata: {said}\n\n"
        return {"text": body, "content_type": "text/event-stream"}

    async def scene(house: Any) -> None:
        async with rough(answer) as port:
            await house.driver.connect("r", url=f"http://127.0.0.1:{port}/mcp")
            began = time.monotonic()
            assert (await house.driver.call("r_echo")).text == "said"
            assert time.monotonic() - began >= 0.5

    play(scene)


def test_a_server_that_is_not_there_or_none_is_refused_and_leaves_nothing(play: Any) -> None:
    async def scene(house: Any) -> None:
        async with rough(lambda *_: asyncio.sleep(0, {})) as port:
            for url in (f"http://127.0.0.1:{port}/none", "http://127.0.0.1:1/mcp"):
                with pytest.raises(DeviceError, match="the server r failed: "):
                    await house.driver.connect("r", url=url)
        assert not await house.driver.servers()
        assert read({"url": "http://h/mcp"}).timeout == 60

    play(scene)
