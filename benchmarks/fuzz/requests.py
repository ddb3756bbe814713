"""Damaged HTTP requests to the gateway.

Interface:
    Requests        `send` has some of them answered over one connection
"""

from __future__ import annotations

import json
import socket
from random import Random
from typing import Any

from .frames import CALLS
from .mutation import bytewise, valuewise

#: Requests of a connection, and seconds until an answer is overdue: for a body that was announced
#: a server waits half a minute.
BATCH, PATIENCE = 50, 45.0
#: How often the sender hangs up after a request: a sound one, and one whose headers are damaged,
#: for the rest of which a server would mostly wait.
HANGS_UP = {False: 0.02, True: 0.99}
PATHS = (
    "/api/v1/processes", "/api/v1/processes/1", "/v1/models", "/healthz", "/readyz", "/metrics",
    "/openapi.json", "/v1/chat/completions", "/v1/embeddings", "/v1/responses", "/docs", "/",
)  # fmt: skip


class Requests:
    """Sends damaged requests to one gateway."""

    def __init__(self, host: str, port: int, token: str, seed: int) -> None:
        self._address = (host, port)
        self._token = token
        self._source = Random(seed)
        #: Requests that were answered or refused, of those by the server's own failure, and those
        #: that nobody answered in time.
        self.taken = self.failed = self.hung = 0

    def send(self) -> None:
        """Have requests answered, one after the other, until the server hangs up."""
        with socket.create_connection(self._address, timeout=PATIENCE) as sock:
            for _ in range(BATCH):
                if not self._one(sock):
                    return

    def _one(self, sock: socket.socket) -> bool:
        """Send one; say whether the connection can be used again."""
        try:
            request, damaged = self._request()
            sock.sendall(request)
            if self._source.random() < HANGS_UP[damaged]:
                sock.shutdown(socket.SHUT_WR)
            status, goes_on = _answer(sock)
        except TimeoutError:
            self.hung += 1
            return False
        except OSError:  # it has hung up
            self.taken += 1
            return False
        self.taken += 1
        self.failed += status >= 500 and status not in (503, 504)
        return goes_on

    def _request(self) -> tuple[bytes, bool]:
        """Return a request, and whether its headers are damaged."""
        source = self._source
        name, arguments = source.choice(CALLS)
        path = f"/api/v1/syscalls/{name}" if source.random() < 0.7 else source.choice(PATHS)
        body: Any = arguments if source.random() < 0.3 else valuewise(arguments, source)
        sent = json.dumps(body, default=repr).encode()
        if source.random() < 0.2:
            sent = bytewise(sent, source)
        lines = [
            f"{source.choice(('POST', 'POST', 'POST', 'GET', 'PUT', 'DELETE', 'OPTIONS'))} {path}"
            " HTTP/1.1",
            f"Host: {self._address[0]}:{self._address[1]}",
            f"Authorization: Bearer {self._token}",
            "Content-Type: application/json",
            "X-Deadline-Seconds: 1",
            f"Content-Length: {len(sent)}",
        ]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        way = source.random()
        if way < 0.15:
            head = bytewise(head[:-4], source) + b"\r\n\r\n"
        elif way < 0.2:
            return bytewise(head + sent, source) + b"\r\n\r\n", True
        return head + sent, way < 0.15


def _answer(sock: socket.socket) -> tuple[int, bool]:
    """Read one answer; return its status, and whether another one may be asked for."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return (_status(data) if data else 0), False
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if b"content-length" not in fields or fields.get(b"connection") == b"close":
        return _status(head), False
    left = int(fields[b"content-length"]) - len(rest)
    while left > 0:
        more = sock.recv(min(left, 1 << 20))
        if not more:
            return _status(head), False
        left -= len(more)
    # More than was announced is the answer to a second request, hidden in the first one.
    return _status(head), left == 0


def _status(head: bytes) -> int:
    parts = head.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
