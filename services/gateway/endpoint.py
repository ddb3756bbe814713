"""Where programs in networks of their own reach the gateway.

Beside each of them a relay hands over the connections that it makes, as descriptors.

Interface:
    Endpoint        a Unix socket; `close` it
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...syscalls.errors import InputOutputError

#: Connections that one message may bring; a relay sends one.
MOST = 4


class Endpoint:
    """Takes connections and has them served. Its event loop alone uses it."""

    def __init__(self, path: Path, serve: Callable[[socket.socket, int], object]) -> None:
        """`serve` owns each connection that it is given, with a number of the relay that it came
        from. Raises `InputOutputError`."""
        self._loop = asyncio.get_running_loop()
        self._serve = serve
        self._relays: dict[socket.socket, int] = {}
        self._count = 0
        self._listener = _bind(path)
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Take no more; what is being served goes on."""
        for sock in (self._listener, *self._relays):
            self._drop(sock)

    def _accept(self) -> None:
        with suppress(OSError):  # It has hung up already, or no descriptor is left.
            relay, _ = self._listener.accept()
            relay.setblocking(False)
            self._count += 1
            self._relays[relay] = self._count
            self._loop.add_reader(relay, self._receive, relay)

    def _receive(self, relay: socket.socket) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(relay, 16, MOST, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        for descriptor in descriptors:
            self._take(descriptor, self._relays[relay])
        if not data:
            self._drop(relay)

    def _take(self, descriptor: int, relay: int) -> None:
        try:
            connection = socket.socket(fileno=descriptor)
        except OSError:
            os.close(descriptor)
            return
        inet = connection.family in (socket.AF_INET, socket.AF_INET6)
        if inet and connection.type == socket.SOCK_STREAM:
            connection.setblocking(False)
            self._serve(connection, relay)
        else:
            connection.close()

    def _drop(self, sock: socket.socket) -> None:
        self._loop.remove_reader(sock)
        self._relays.pop(sock, None)
        sock.close()


def _bind(path: Path) -> socket.socket:
    """Return a listener that the owner alone may connect to, in place of an earlier one."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        path.unlink(missing_ok=True)
        # A Unix socket's address holds 107 bytes; this one is short wherever the folder is.
        sock.bind(f"/proc/self/fd/{folder}/{path.name}")
        path.chmod(0o600)
        sock.setblocking(False)
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise InputOutputError(f"{path} cannot be bound: {error.strerror}") from error
    finally:
        os.close(folder)
    return sock
