"""Pages of a real HTTP server, and addresses that are refused."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvloop
from aiohttp import web

from llmagentos.drivers.tools import fetch
from llmagentos.drivers.tools.child import child
from llmagentos.drivers.tools.contract import Context, Failure, define
from llmagentos.drivers.tools.fetch import http_fetch
from llmagentos.drivers.tools.outcome import bounded
from llmagentos.drivers.tools.settings import read
from llmagentos.syscalls.errors import PermissionDenied
from llmagentos.syscalls.os import OS
from llmagentos.syscalls.tool import ToolResult


async def slow(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "text/plain"
    await response.prepare(request)
    for part in (b"one ", b"two ", b"three"):
        await response.write(part)
        await asyncio.sleep(0)
    return response


async def page(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    if name == "slow":
        return await slow(request)
    if name == "to":
        return web.Response(status=302, headers={"Location": request.query["url"]})
    if name == "loop":
        return web.Response(status=307, headers={"Location": "/loop"})
    if name == "404":
        return web.Response(status=404, text="a long page")
    if name == "never":
        await asyncio.Event().wait()
    bodies: dict[str, tuple[bytes, str]] = {
        "html": (b"<title>T</title><script>x</script>caf\xc3\xa9 &amp; a\n b</p>end", "text/html"),
        "latin": (b"caf\xe9", "text/plain; charset=latin-1"),
        "odd": (b"text", "text/plain; charset=no-such"),
        "stubborn": (b"caf\xc3\xa9", "text/plain; charset=idna"),
        "tags": (b"<a " * 300_000, "text/html"),
        "digits": (b"a-" + b"b9cz" * 200_000, "text/plain; charset=punycode"),
        "image": (b"\x89PNG\0\0", "image/png"),
        "big": (b"x" * (fetch.SIZE + 10), "text/plain"),
    }  # fmt: skip
    body, kind = bodies[name]
    return web.Response(body=body, headers={"Content-Type": kind})


def visit(scene: Callable[[str], Awaitable[None]], hosts: tuple[str, ...] = ("127.0.0.1",)) -> None:
    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{name}", page)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, hosts[0], 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            await scene(f"http://{hosts[0]}:{port}")
        finally:
            await runner.cleanup()

    uvloop.run(run())


def allowing(context: Context, *hosts: str, private: bool = True) -> Context:
    settings: dict[str, Any] = {"allow": list(hosts), "private": private}
    return replace(context, config=read({"http": settings}).model_dump())


@pytest.mark.parametrize(
    ("name", "text"),
    [("html", "T\ncaf\u00e9 & a b\nend"), ("latin", "caf\u00e9"), ("odd", "text"),
     ("stubborn", "caf\u00e9"), ("slow", "one two three")],
)  # fmt: skip
def test_a_page_is_given_as_text(context: Context, name: str, text: str) -> None:
    async def scene(base: str) -> None:
        result = await http_fetch(allowing(context, "127.0.0.1"), f"{base}/{name}")
        assert (result.text, result.sources) == (text, [f"{base}/{name}"])

    visit(scene)


def test_what_is_too_big_is_cut_and_what_is_no_text_refused(context: Context) -> None:
    async def scene(base: str) -> None:
        text = (await http_fetch(allowing(context, "*"), f"{base}/big")).text
        assert text.startswith("x" * fetch.SIZE + "\n… (cut")
        with pytest.raises(Failure, match="not a text page"):
            await http_fetch(allowing(context, "*"), f"{base}/image")
        with pytest.raises(Failure, match=r"^404 Not Found$"):
            await http_fetch(allowing(context, "*"), f"{base}/404")

    visit(scene)


def test_bytes_are_given_as_they_came_to_whoever_asks_for_them(context: Context) -> None:
    async def scene(base: str) -> None:
        result = await http_fetch(allowing(context, "*"), f"{base}/big", raw=True)
        assert set(result.data["bytes"]) == {ord("x")} and len(result.data["bytes"]) > fetch.SIZE
        assert bounded(result).data == result.data

    visit(scene)


def test_no_model_is_told_of_raw_bytes() -> None:
    assert list(define("http_fetch", http_fetch).info.parameters["properties"]) == ["url"]


def test_without_a_setting_every_host_is_refused_and_the_setting_named(context: Context) -> None:
    async def scene(base: str) -> None:
        for config in ({}, {"http": {"allow": ["example.org"], "private": True}}):
            with pytest.raises(Failure, match=r"\[drivers\.tools\.settings\.http\] allow"):
                await http_fetch(replace(context, config=read(config).model_dump()), f"{base}/html")

    visit(scene)


def test_redirects_are_followed_and_bounded(context: Context) -> None:
    async def scene(base: str) -> None:
        allowed = allowing(context, "127.0.0.1")
        result = await http_fetch(allowed, f"{base}/to?url=latin")
        assert (result.text, result.sources) == ("caf\u00e9", [f"{base}/latin"])
        with pytest.raises(Failure, match="redirects"):
            await http_fetch(allowed, f"{base}/loop")

    visit(scene)


def test_a_redirect_to_another_host_or_scheme_is_checked_again(context: Context) -> None:
    async def scene(base: str) -> None:
        allowed = allowing(context, "127.0.0.1")
        with pytest.raises(Failure, match=r"localhost is not allowed"):
            await http_fetch(allowed, f"{base}/to?url=http://localhost/")
        with pytest.raises(Failure, match="no http address"):
            await http_fetch(allowed, f"{base}/to?url=file:///etc/passwd")

    visit(scene)


def test_a_redirect_to_another_host_is_asked_for_with_the_callers_rights(
    context: Context,
) -> None:
    asked: list[Any] = []

    async def call(name: str, arguments: dict[str, Any], **_: Any) -> ToolResult:
        asked.append((name, arguments))
        if arguments["hops"] > 1:
            raise PermissionDenied("not that host")
        return ToolResult(text="there")

    system = cast(OS, SimpleNamespace(tool=SimpleNamespace(call=call)))

    async def scene(base: str) -> None:
        allowed = replace(allowing(context, "127.0.0.1", "localhost"), os=system)
        target = "http://localhost/x"
        assert (await http_fetch(allowed, f"{base}/to?url={target}")).text == "there"
        assert asked == [("http_fetch", {"url": target, "raw": False, "hops": 1})]
        with pytest.raises(PermissionDenied):
            await http_fetch(allowed, f"{base}/to?url={target}", hops=1)
        with pytest.raises(Failure, match="redirects"):
            await http_fetch(allowed, f"{base}/to?url={target}", hops=fetch.REDIRECTS)

    visit(scene)


def test_a_redirect_to_a_private_address_is_refused(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The test's own server stands for a public one; its neighbour stays private.
    monkeypatch.setattr(fetch, "_public", lambda address: address == ip_address("127.0.0.1"))

    async def scene(base: str) -> None:
        allowed = allowing(context, "*", private=False)
        assert (await http_fetch(allowed, f"{base}/latin")).text == "caf\u00e9"
        for target in ("http://127.0.0.2:1/", "http://[::1]:1/", "http://10.0.0.1/"):
            with pytest.raises(Failure, match="private"):
                await http_fetch(allowed, f"{base}/to?url={target}")

    visit(scene)


def test_a_name_that_means_a_private_address_is_refused(context: Context) -> None:
    with pytest.raises(Failure, match="private"):
        uvloop.run(http_fetch(allowing(context, "*", private=False), "http://localhost:9/"))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]",
     "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.1.2.3", "169.254.169.254",
     "100.64.0.1", "224.0.0.1", "[fe80::1]", "[fec0::1]", "[5f00::1]", "[3fff::1]", "192.88.99.1",
     "[::ffff:192.88.99.1]", "user@127.0.0.1", "\uff11\uff12\uff17.0.0.1"],
)  # fmt: skip
def test_no_way_to_write_a_private_address_works(context: Context, host: str) -> None:
    async def scene(base: str) -> None:
        port = base.rpartition(":")[2]
        with pytest.raises(Failure, match="cannot be fetched"):
            await http_fetch(allowing(context, "*", private=False), f"http://{host}:{port}/latin")

    visit(scene)


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://127.0.0.1/", "file:///etc/passwd", "http://", "//h/"]
)
def test_what_is_no_http_address_is_refused(context: Context, url: str) -> None:
    with pytest.raises(Failure, match="no http address"):
        uvloop.run(http_fetch(allowing(context, "*"), url))


def test_a_public_address_is_public() -> None:
    assert fetch._public(ip_address("8.8.8.8")) and fetch._public(ip_address("2606:4700::1111"))


def test_a_server_that_does_not_answer_is_given_up(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "SECONDS", 0.2)

    async def scene(base: str) -> None:
        with pytest.raises(Failure, match="cannot be fetched"):
            await http_fetch(allowing(context, "*"), f"{base}/never")

    visit(scene)


@pytest.mark.parametrize("name", ["tags", "digits"])
def test_a_page_that_takes_hours_to_read_holds_nobody_up_and_is_given_up(
    context: Context, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    started: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()

    @asynccontextmanager
    async def seen(*argv: str, **streams: Any) -> AsyncIterator[asyncio.subprocess.Process]:
        async with child(*argv, **streams) as process:
            started.put_nowait(process)
            yield process

    monkeypatch.setattr(fetch, "child", seen)

    async def scene(base: str) -> None:
        task = asyncio.create_task(http_fetch(allowing(context, "*"), f"{base}/{name}"))
        process = await started.get()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.3)
        assert process.returncode == -signal.SIGKILL

    visit(scene)
