"""The gateway's process: an HTTP server on the loopback interface.

Interface:
    Gateway         the service; `gateway.url` says where it is
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...syscalls.errors import InputOutputError, InvalidArgument
from ...syscalls.host import Host
from ...syscalls.interface import Interface, syscall
from ...syscalls.kept import kept
from ...syscalls.locations import ENDPOINT

PORT = 8765
#: Connections, and requests that are worked on, at once; further ones get a 503.
CONNECTIONS = 2000


class Gateway(Interface, name="gateway"):
    """HTTP for the operating system. Never without a token, never beyond loopback unasked."""

    SETTINGS = (
        "host", "port", "allow_remote", "hosts", "certificate", "key", "rate", "aliases",
    )  # fmt: skip

    @syscall(idempotent=True)
    async def url(self) -> str:
        """Return the address of the HTTP API."""
        return self._url

    async def setup(self, host: Host) -> None:
        import uvicorn

        from .app import build
        from .endpoint import Endpoint
        from .patience import MOST, Patient

        settings = host.config
        address, port, remote = _where(settings)
        certificate, key = _tls(settings)
        rate = _rate(settings)
        sock = _listen(address, port)
        shown = f"[{address}]" if ":" in address else address
        self._url = f"http{'s' if certificate else ''}://{shown}:{sock.getsockname()[1]}"
        config = uvicorn.Config(
            build(host.os, hosts=_hosts(settings, remote), aliases=_aliases(settings), rate=rate),
            http=Patient,
            ws="none",
            h11_max_incomplete_event_size=MOST,
            limit_concurrency=CONNECTIONS,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            # Whoever is not let in writes nothing into the log either.
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        try:
            config.load()
        except (OSError, ValueError) as error:
            sock.close()
            raise InvalidArgument(f"certificate, key: {error}") from None
        self._config, self._server = config, uvicorn.Server(config)
        # The process has its own way to end; the server must not take its signals.
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._task = host.tasks.create_task(self._server._serve([sock]))

        self._endpoint = Endpoint(
            host.state / ENDPOINT,
            lambda sock, relay: host.tasks.create_task(self._take(sock, relay)),
        )
        await host.os.system.ready(self._url)

    async def _take(self, connection: socket.socket, relay: int) -> None:
        """Serve a connection that was accepted elsewhere."""
        with suppress(OSError):  # It has hung up already.
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._config.http_protocol_class(  # type: ignore[call-arg]
                    config=self._config,
                    server_state=self._server.server_state,
                    app_state={"relay": relay},
                ),
                connection,
            )

    async def teardown(self) -> None:
        self._endpoint.close()
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=5)


def _where(settings: Mapping[str, Any]) -> tuple[str, int, bool]:
    """Return the address and the port, and whether others than this machine may reach it."""
    address, port = settings.get("host", "127.0.0.1"), settings.get("port", PORT)
    remote = settings.get("allow_remote", False)
    if type(remote) is not bool:
        raise InvalidArgument("allow_remote is true or false")
    if type(port) is not int or not 0 <= port < 2**16:
        raise InvalidArgument("port is a number from 0 to 65535")
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise InvalidArgument(f"host is an address such as 127.0.0.1, not {address!r}") from None
    if not remote and not loopback:
        raise InvalidArgument(f"{address} is not loopback; set allow_remote to bind it")
    return str(address), port, remote


def _aliases(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the further names of models that the configuration gives."""
    given = settings.get("aliases", {})
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise InvalidArgument("aliases is a table of names: each for another one")
    return given


def _hosts(settings: Mapping[str, Any], remote: bool) -> frozenset[str] | None:
    """Return the names by which it may be reached, None for any."""
    from .app import LOCAL

    given = settings.get("hosts")
    if given is None:
        return None if remote else LOCAL
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise InvalidArgument("hosts is a list of names")
    return LOCAL | {one.lower() for one in given}


def _rate(settings: Mapping[str, Any]) -> float:
    """Return how many requests a second a token may make."""
    from .sessions import RATE

    rate = settings.get("rate", RATE)
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < 1e9:
        raise InvalidArgument("rate is a number of requests a second above 0")
    return float(rate)


def _tls(settings: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the files of a certificate and of its key, where there are any."""
    certificate, key = settings.get("certificate"), settings.get("key")
    if (certificate is None) != (key is None):
        raise InvalidArgument("certificate and key stand together")
    for name, path in (("certificate", certificate), ("key", key)):
        if path is not None and not (isinstance(path, str) and os.path.isfile(path)):
            raise InvalidArgument(f"{name}: there is no file {path}")
    return certificate, key


def _listen(address: str, port: int) -> socket.socket:
    """Bind the port, or any free one where it is taken; one that outlives the kernel if it may."""
    for wanted in (port, 0):
        with suppress(InputOutputError):
            if (sock := kept(address, wanted)) is not None:
                return sock
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
    except OSError:
        try:
            sock.bind((address, 0))
        except OSError as error:
            raise InputOutputError(f"{address} cannot be bound: {error.strerror}") from error
    sock.listen(1024)
    return sock
