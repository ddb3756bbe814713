"""Fetching a page: only from hosts that the owner allows, and never from a private address.

The address is looked up once, checked, and connected to: a name that means another address a
moment later changes nothing. Each redirect is checked in the same way.

Interface:
    http_fetch      the tool
"""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatch
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ...syscalls.tool import ToolResult
from .child import child
from .contract import Context, Failure, tool

#: Bytes of a page, redirects, and seconds, at most.
SIZE, REDIRECTS, SECONDS = 1024 * 1024, 5, 20
#: Bytes of what is asked for as it is.
RAW = 15 * 1024 * 1024
_PAGE = str(Path(__file__).with_name("page.py"))
#: Addresses that carry another one inside, which may be private, or lead to a relay that does.
_WRAPPED = ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "192.88.99.0/24")
#: Addresses of a site, of routers and of documentation, which not every Python knows as such.
_INNER = ("fec0::/10", "5f00::/16", "3fff::/20")
_REFUSED = tuple(map(ip_network, _WRAPPED + _INNER))

if TYPE_CHECKING:
    from yarl import URL


@tool(effect=True, untrusted=True)
async def http_fetch(
    context: Context,
    url: str,
    raw: SkipJsonSchema[bool] = False,
    hops: SkipJsonSchema[Annotated[int, Field(ge=0)]] = 0,
) -> ToolResult:
    """Return the text of a web page."""
    # No model is told of two more: `raw` is for the perception driver, the bytes as they came, and
    # `hops` how many redirects have led here.
    import aiohttp

    most = RAW if raw else SIZE
    settings = context.config["http"]
    resolver = _Checked(settings["private"])
    connector = aiohttp.TCPConnector(resolver=cast(Any, resolver), use_dns_cache=False)
    limit = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
        # What is checked is what is connected to: the address is read once, by one reader.
        first = place = _address(url)
        for hop in range(hops, REDIRECTS + 1):
            _allow(place, settings["allow"], resolver)
            if place.host != first.host:
                # What the caller may ask of one host need not be what it may of another: that is
                # the kernel's to say, as if it had asked.
                asked = {"url": str(place), "raw": raw, "hops": hop}
                return await context.os.tool.call("http_fetch", asked, timeout=SECONDS)
            try:
                async with session.get(place, allow_redirects=False) as response:
                    if response.status in (301, 302, 303, 307, 308):
                        place = place.join(_address(response.headers.get("Location", "")))
                        continue
                    if response.status >= 400:
                        raise Failure(f"{response.status} {response.reason}")
                    data = await _first(response.content.iter_any(), most)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise Failure(f"{place} cannot be fetched: {_why(error)}") from None
            if raw:
                if len(data) == most:
                    raise Failure(f"{place} has more than {most} bytes")
                return ToolResult(text="", data={"bytes": data}, sources=[str(place)])
            text = await _text(data, response.charset, "html" in response.content_type)
            return ToolResult(text=text, sources=[str(place)])
    raise Failure(f"more than {REDIRECTS} redirects")


async def _text(data: bytes, charset: str | None, html: bool) -> str:
    """Return a page's text, however long that takes: whoever has waited enough cancels."""
    command = (sys.executable, "-I", _PAGE, charset or "utf-8", "html" if html else "text")
    async with child(*command, stdin=PIPE, stdout=PIPE) as process:
        output, _ = await process.communicate(data)
    text = output.decode()
    if process.returncode or "\0" in text:
        raise Failure("not a text page")
    return f"{text}\n… (cut after {SIZE} bytes)" if len(data) == SIZE else text


class _Checked:
    """Looks names up, and hands out public addresses alone."""

    def __init__(self, private: bool) -> None:
        self._private = private

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        """Return a host's addresses. Raises OSError for a private one."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, address in found:
            self.check(str(address[0]))
        return [
            {"hostname": host, "host": address[0], "port": port, "family": kind,
             "proto": proto, "flags": socket.AI_NUMERICHOST}
            for kind, _, proto, _, address in found
        ]  # fmt: skip

    def check(self, address: str) -> None:
        """Raise OSError for an address that is not public."""
        if not self._private and not _public(ip_address(address.partition("%")[0])):
            raise PermissionError(errno.EACCES, f"its address {address} is private")

    async def close(self) -> None:
        """Nothing is held."""


def _public(address: IPv4Address | IPv6Address) -> bool:
    if address.is_multicast or any(address in network for network in _REFUSED):
        return False
    return address.is_global


def _address(text: str) -> URL:
    from yarl import URL

    try:
        return URL(text)
    except (ValueError, TypeError):
        raise Failure(f"{text!r} is no http address") from None


def _allow(place: URL, hosts: Sequence[str], resolver: _Checked) -> None:
    host = place.raw_host
    if place.scheme not in ("http", "https") or not host:
        raise Failure(f"{str(place)!r} is no http address")
    if not any(fnmatch(host, pattern) for pattern in hosts):
        raise Failure(
            f"the host {host} is not allowed; the owner may add it to "
            "[drivers.tools.settings.http] allow"
        )
    # A number is never looked up, so it is checked here, and has to be written in full.
    if ":" not in host and not host.replace(".", "").isdigit():
        return
    try:
        resolver.check(host)
    except (OSError, ValueError) as error:
        raise Failure(f"{place} cannot be fetched: {_why(error)}") from None


def _why(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, PermissionError) else error
    return str(getattr(cause, "strerror", None) or cause) or "no answer"


async def _first(chunks: AsyncIterator[bytes], most: int) -> bytes:
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) >= most:
            break
    return bytes(data[:most])
