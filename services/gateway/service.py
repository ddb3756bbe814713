"""The gateway's process: an HTTP server on the loopback interface.

Interface:
    Gateway         the service; `gateway.url` says where it is
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...syscalls.errors import InputOutputError, InvalidArgument
from ...syscalls.host import Host
from ...syscalls.interface import Interface, syscall
from ...syscalls.locations import ENDPOINT

PORT = 8765


class Gateway(Interface, name="gateway"):
    """HTTP for the operating system. Never without a token, never beyond loopback unasked."""

    @syscall(idempotent=True)
    async def url(self) -> str:
        """Return the address of the HTTP API."""
        return self._url

    async def setup(self, host: Host) -> None:
        import uvicorn

        from .app import build
        from .endpoint import Endpoint

        settings = host.config
        address, port = str(settings.get("host", "127.0.0.1")), int(settings.get("port", PORT))
        remote = bool(settings.get("allow_remote", False))
        if not remote and not ipaddress.ip_address(address).is_loopback:
            raise InvalidArgument(f"{address} is not loopback; set allow_remote to bind it")
        sock = _listen(address, port)
        self._url = f"http://{address}:{sock.getsockname()[1]}"
        config = uvicorn.Config(
            build(host.os, any_host=remote, aliases=_aliases(settings)),
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        config.load()
        self._config, self._server = config, uvicorn.Server(config)
        # The process has its own way to end; the server must not take its signals.
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._task = host.tasks.create_task(self._server._serve([sock]))

        self._endpoint = Endpoint(
            host.state / ENDPOINT, lambda sock: host.tasks.create_task(self._take(sock))
        )
        await host.os.system.ready(self._url)

    async def _take(self, connection: socket.socket) -> None:
        """Serve a connection that was accepted elsewhere."""
        with suppress(OSError):  # It has hung up already.
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._config.http_protocol_class(  # type: ignore[call-arg]
                    config=self._config, server_state=self._server.server_state, app_state={}
                ),
                connection,
            )

    async def teardown(self) -> None:
        self._endpoint.close()
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=5)


def _aliases(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the further names of models that the configuration gives."""
    given = settings.get("aliases", {})
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in given.values()):
        raise InvalidArgument("aliases is a table of names: each for another one")
    return given


def _listen(address: str, port: int) -> socket.socket:
    """Bind the port, or any free one where it is taken."""
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
