"""One end of a byte stream of frames, for asyncio and uvloop.

Interface:
    Connection(on_frame, on_lost)   an asyncio protocol; `send` writes, `close` ends it
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from .codec import Decoder, pack, pack_frame
from .errors import LLMAgentOSError
from .message import VERSION, Kind

#: Bytes that may wait for a throttled peer before it is not read from any more.
HIGH_WATER = 1024 * 1024
OnFrame = Callable[["Connection", list[Any], bytes], None]
OnLost = Callable[["Connection"], None]


class Connection(asyncio.Protocol):
    """Decodes what arrives and hands it on; a broken stream is told so and closed."""

    def __init__(self, on_frame: OnFrame, on_lost: OnLost, *, throttled: bool = False) -> None:
        """`throttled`: a peer that does not read what we write is not read from either."""
        self._throttled = throttled
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._write: Callable[[bytes], None] = _dropped
        #: False while the peer does not read as fast as we write.
        self.writable = asyncio.Event()
        self.writable.set()
        #: How often something has arrived.
        self.received = 0
        #: Whoever owns the connection may hang its own state here.
        self.owner: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of Transport without being one.
        self._transport = transport  # type: ignore[assignment]
        self._write = transport.write  # type: ignore[attr-defined]
        if self._throttled:
            transport.set_write_buffer_limits(high=HIGH_WATER)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.received += 1
        try:
            for header, body in self._decoder.feed(data):
                self._on_frame(self, header, body)
        except LLMAgentOSError as error:
            self.send((VERSION, Kind.ERROR, 0, error.code), pack([error.message, {}]))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._write = _dropped
        self._transport = None
        self.writable.set()
        self._on_lost(self)

    def pause_writing(self) -> None:
        self.writable.clear()
        if self._throttled and self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.writable.set()
        if self._throttled and self._transport is not None:
            self._transport.resume_reading()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None

    @property
    def backlog(self) -> int:
        """Bytes written that the peer has not read yet."""
        transport = self._transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def send(self, header: Sequence[Any], body: bytes = b"") -> None:
        """Write one frame; does nothing once the connection is lost."""
        self._write(pack_frame(header, body))

    def close(self) -> None:
        """Close after what was written has been sent."""
        if self._transport is not None:
            self._transport.close()


def _dropped(_: bytes) -> None:
    return None
