"""HTTP connections that do not wait for ever: neither for a request nor for somebody who reads.

What is asked has to be here soon after the connection was made or the last answer given (408), its
headers are bounded (431), and whoever reads nothing of an answer for long is hung up on. The time
of a body is bounded where it is read.

Interface:
    Patient         uvicorn's protocol with those limits
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from h11 import ERROR, IDLE
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds until a request's headers have to be here, and until something of an answer is read.
HEADERS, READING = 10.0, 60.0
#: Bytes of a request's headers.
MOST = 64 * 1024


class Patient(H11Protocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waits: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.their_state is not IDLE:
            self._cancel()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is IDLE:
            self._wait()

    def send_400_response(self, msg: str) -> None:
        # Both are what h11 calls a protocol error; too much is told by what it has gathered.
        status = 431 if len(self.conn.trailing_data[0]) > MOST else 400
        self._refuse(status, "the request is no HTTP" if status == 400 else f"over {MOST} bytes")

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(READING, self.transport.abort)

    def resume_writing(self) -> None:
        if self.flow is not None:
            super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _wait(self) -> None:
        self._cancel()
        self._waits = self.loop.call_later(HEADERS, self._give_up)

    def _cancel(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
            self._waits = None

    def _give_up(self) -> None:
        self._refuse(408, f"the request is not here after {HEADERS:g} seconds")

    def _refuse(self, status: int, detail: str) -> None:
        """Answer below the application, and hang up."""
        self._cancel()
        if self.transport.is_closing():
            return
        if self.conn.our_state in (IDLE, ERROR) or self.cycle is None:
            title = HTTPStatus(status).phrase
            body = json.dumps(
                {"type": "about:blank", "title": title, "status": status, "detail": detail}
            ).encode()
            head = (
                f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()
