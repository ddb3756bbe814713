"""HTTP connections that do not wait for ever: neither for a request nor for somebody who reads.

What is asked has to be here soon after the connection was made or the last answer given (408), its
headers are bounded (431), and whoever reads nothing of an answer for long is hung up on, sooner
where many do so. The time of a body is bounded where it is read, and here once it was answered.

Interface:
    Patient         uvicorn's protocol with those limits
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from h11 import DONE, IDLE
from uvicorn.protocols.http.h11_impl import H11Protocol

#: Seconds until a request's headers have to be here, and until something of an answer is read.
HEADERS, READING = 10.0, 60.0
#: Bytes of a request's headers, and of all answers together that nobody has read yet.
MOST, UNREAD = 64 * 1024, 256 * 1024 * 1024


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
        if not self._idle():
            self._cancel()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._idle():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        # Both are what h11 calls a protocol error; too much is told by what it has gathered.
        status = 431 if len(self.conn.trailing_data[0]) > MOST else 400
        self._refuse(status, "the request is no HTTP" if status == 400 else f"over {MOST} bytes")

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(READING, self.transport.abort)
        self._make_room()

    def resume_writing(self) -> None:
        if self.flow is not None:
            super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _make_room(self) -> None:
        """Hang up on those who have waited longest while too much lies about unread."""
        waiting = [
            (one._unread.when(), one.transport.get_write_buffer_size(), one.transport)
            for one in self.connections
            if isinstance(one, Patient) and one._unread is not None
        ]
        held = sum(size for _, size, _ in waiting)
        for _, size, transport in sorted(waiting, key=lambda one: one[0]):
            if held <= UNREAD:
                break
            transport.abort()
            held -= size

    def _idle(self) -> bool:
        """Whether nothing is worked on: all of a request, or the rest of an answered one, is yet to
        come."""
        return self.conn.their_state is IDLE or self.conn.our_state is DONE

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
        cycle = self.cycle
        if self._idle() or cycle is None or cycle.response_complete or not cycle.response_started:
            title = HTTPStatus(status).phrase
            body = json.dumps(
                {"type": "about:blank", "title": title, "status": status, "detail": detail}
            ).encode()
            head = (
                f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        if cycle is not None:  # Whoever works on it is told, and answers no more.
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
