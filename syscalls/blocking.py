"""The operating system for programs without `async`: the same calls, each waited for.

Interface:
    BlockingOS      a context manager over a connected socket; attributes as those of `OS`
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any

from .client import Client
from .os import OS


class BlockingOS:
    """Every interface as an attribute; a stream is an ordinary iterator.

    The connection lives on a thread of its own, so that calls may come from any other thread.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = Client()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._wait(self._client.open(sock))
        self._os = OS(self._client)

    def __enter__(self) -> BlockingOS:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._client.close)
        self._wait(self._client.lost.wait())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __getattr__(self, interface: str) -> BlockingInterface:
        if interface.startswith("_"):
            raise AttributeError(interface)
        return BlockingInterface(getattr(self._os, interface), self._wait)

    def call(
        self,
        syscall: str,
        arguments: dict[str, Any] | None = None,
        *,
        deadline: float | None = None,
    ) -> Any:
        """Make one syscall by its name and return its result in plain values."""
        return self._wait(self._os.call(syscall, arguments, deadline=deadline))

    def _wait(self, work: Awaitable[Any]) -> Any:
        async def wrapped() -> Any:
            return await work

        future = asyncio.run_coroutine_threadsafe(wrapped(), self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise


class BlockingInterface:
    """One interface whose calls are waited for."""

    def __init__(self, proxy: Any, wait: Callable[[Awaitable[Any]], Any]) -> None:
        self._proxy = proxy
        self._wait = wait

    def __getattr__(self, method: str) -> Callable[..., Any]:
        target = getattr(self._proxy, method)

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = target(*args, **kwargs)
            if hasattr(answer, "__anext__"):
                return _iterate(answer, self._wait)
            return self._wait(answer)

        call.__doc__ = target.__doc__
        return call


def _iterate(items: AsyncIterator[Any], wait: Callable[[Awaitable[Any]], Any]) -> Iterator[Any]:
    try:
        while True:
            try:
                yield wait(anext(items))
            except StopAsyncIteration:
                return
    finally:
        wait(items.aclose())  # type: ignore[attr-defined]  # every stream is a generator
