"""A server that is reached by streamable HTTP. One that talks faster than it may is read no faster.

Interface:
    http            an asynchronous context: the streams of a connection
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..rates import Bucket
from .settings import ServerSettings

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

#: Bytes of an answer, and of one event of a stream of them.
ANSWER = 4 * 1024 * 1024
#: Seconds until a connection stands, and lines of events a second: a message has three or four.
CONNECT, LINES = 10.0, 2000.0


@asynccontextmanager
async def http(settings: ServerSettings) -> AsyncIterator[TransportStreams]:
    """Give the streams to speak with the server. Redirects stay at its own host."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    class Bounded(httpx2.AsyncHTTPTransport):
        """Reads no answer past its bound; a stream of events is bounded event by event."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            response = await super().handle_async_request(request)
            # Nobody has asked for it, and a little of it may become more than there is room for.
            response.headers.pop("content-encoding", None)
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            events = response.headers.get("content-type", "").startswith("text/event-stream")
            response.stream = (Paced if events else Counted)(response.stream)
            return response

    class Counted(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in self._stream:
                size += len(chunk)
                if size > ANSWER:
                    raise httpx2.StreamError(f"the result has more than {ANSWER} bytes")
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    class Paced(Counted):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for chunk in self._stream:
                for _ in range(max(chunk.count(b"\n"), chunk.count(b"\r"))):
                    while seconds := pace.take():  # noqa: ASYNC110  # it is time that fills it
                        await asyncio.sleep(seconds)
                yield chunk

    pace = Bucket(LINES, 2 * LINES, time.monotonic)
    patience = httpx2.Timeout(CONNECT, read=None)
    async with (
        # Calls have deadlines of their own, and a stream of changes may be silent for long.
        httpx2.AsyncClient(
            headers={"Accept-Encoding": "identity", **settings.headers},
            timeout=patience,
            transport=Bounded(),
            trust_env=False,
        ) as client,
        streamable_http_client(
            settings.url, http_client=client, max_sse_event_size=ANSWER
        ) as streams,
    ):
        yield streams
