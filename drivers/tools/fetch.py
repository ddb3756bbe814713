"""Fetching a page: only from hosts that the owner allows, and never from a private address.

The address is looked up once, checked, and connected to: a name that means another address a
moment later changes nothing. Each redirect is checked in the same way.

Interface:
    http_fetch      the tool
"""

from __future__ import annotations

import asyncio
import socket
from fnmatch import fnmatch
from html.parser import HTMLParser
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from .contract import Context, Failure, tool

#: Bytes of a page, redirects, and seconds, at most.
SIZE, REDIRECTS, SECONDS = 1024 * 1024, 5, 20
_SKIPPED = ("script", "style", "noscript", "template")


@tool(effect=True, untrusted=True)
async def http_fetch(context: Context, url: str) -> str:
    """Return the text of a web page."""
    import aiohttp

    settings = context.config.get("http", {})
    resolver = _Checked(bool(settings.get("private", False)))
    connector = aiohttp.TCPConnector(resolver=cast(Any, resolver), use_dns_cache=False)
    limit = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
        for _ in range(REDIRECTS + 1):
            _allow(url, settings.get("allow", ()), resolver)
            try:
                async with session.get(url, allow_redirects=False) as response:
                    if response.status in (301, 302, 303, 307, 308):
                        url = urljoin(url, response.headers.get("Location", ""))
                        continue
                    data = await response.content.read(SIZE)
                    if response.status >= 400:
                        raise Failure(f"{response.status} {response.reason}")
                    text = data.decode(response.get_encoding(), errors="replace")
                    html = "html" in response.headers.get("Content-Type", "")
                    return _text_of(text) if html else text
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise Failure(f"{url} cannot be fetched: {error or 'no answer'}") from None
    raise Failure(f"more than {REDIRECTS} redirects")


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
        if not self._private and not ip_address(address.partition("%")[0]).is_global:
            raise OSError("its address is private")

    async def close(self) -> None:
        """Nothing is held."""


def _allow(url: str, hosts: Any, resolver: _Checked) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(f"{url!r} is no http address")
    if not any(fnmatch(parts.hostname, pattern) for pattern in hosts):
        raise Failure(
            f"the host {parts.hostname} is not allowed; the owner may add it to "
            "[drivers.tools.settings.http] allow"
        )
    try:
        # A number in the address is never looked up, so it is checked here.
        numeric = str(ip_address(parts.hostname))
    except ValueError:
        return
    try:
        resolver.check(numeric)
    except OSError as error:
        raise Failure(f"{url} cannot be fetched: {error}") from None


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skip += tag in _SKIPPED

    def handle_endtag(self, tag: str) -> None:
        self._skip -= tag in _SKIPPED and self._skip > 0

    def handle_data(self, data: str) -> None:
        if not self._skip and data.strip():
            self.parts.append(" ".join(data.split()))


def _text_of(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    return "\n".join(parser.parts)
