"""What happened, for people and programs that watch.

Interface:
    EventLog        `emit`, and `follow` from the last events on
    Channel         a bounded queue for one reader, which loses the oldest when it is slow
    Room            the bytes that several channels of one reader may hold together
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..syscalls.system import Event
from .process import ControlBlock, Kind
from .shown import line

#: Characters of a text.
LONGEST = 1000
T = TypeVar("T")


@dataclass(eq=False)
class Room:
    """What channels hold together. They alone write it."""

    #: Bytes, at most; a single item may have more.
    most: int = 16 * 1024 * 1024
    held: int = 0


class Channel(Generic[T]):
    """Items for one reader, bounded in number and in bytes. `close` ends it after what was put."""

    def __init__(self, limit: int = 1000, room: Room | None = None) -> None:
        """`room`: what it shares with other channels of its reader."""
        self._limit = limit
        self._room = room or Room()
        self._items: deque[tuple[T, int]] = deque()  # with their bytes
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, item: T, size: int = 0) -> None:
        """Hand an item of so many bytes to the reader."""
        self._items.append((item, size))
        self._room.held += size
        while len(self._items) > self._limit or (
            self._items and self._room.most < self._room.held > size
        ):
            self._take()
        self._changed.set()

    def drop(self) -> None:
        """Forget what nobody will read, and give its room back."""
        while self._items:
            self._take()

    def close(self) -> None:
        """Let the reader come to an end."""
        self._closed = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            while self._items:
                yield self._take()
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()

    def _take(self) -> T:
        item, size = self._items.popleft()
        self._room.held -= size
        return item


def _any(event: Event) -> bool:
    return True


class EventLog:
    """The last events, and whoever follows them."""

    def __init__(self, limit: int = 1000, now: Callable[[], float] = time.time) -> None:
        self._events: deque[Event] = deque(maxlen=limit)
        self._readers: set[Channel[Event]] = set()
        self._now = now
        #: Takes secrets out of a text.
        self.hide: Callable[[str], str] = lambda text: text

    def emit(self, kind: str, text: str, pid: int | None = None, **details: Any) -> None:
        """Note that something happened; what is said of it cannot steer a terminal."""
        text = line(self.hide(text), LONGEST)
        details = {key: self._shown(one) for key, one in details.items()}
        event = Event(time=self._now(), kind=kind, pid=pid, text=text, details=details)
        self._events.append(event)
        for reader in self._readers:
            reader.put(event)

    def _shown(self, value: Any) -> Any:
        return line(self.hide(value), LONGEST) if isinstance(value, str) else value

    def tainted(self, process: ControlBlock, source: str) -> None:
        """Note that an agent is tainted from now on; a person who reads is no news."""
        if process.kind is Kind.AGENT:
            self.emit(
                "process.tainted", f"{process.name} has read {source}", process.pid, source=source
            )

    def last(self, count: int, wanted: Callable[[Event], bool] = _any) -> list[Event]:
        """Return the last of the wanted events, the oldest first."""
        return list(filter(wanted, self._events))[-count:] if count > 0 else []

    async def follow(
        self, tail: int, wanted: Callable[[Event], bool] = _any
    ) -> AsyncIterator[Event]:
        """Yield the last `tail` of the wanted events and those to come."""
        reader: Channel[Event] = Channel()
        for event in self.last(tail, wanted):
            reader.put(event)
        self._readers.add(reader)
        try:
            async for event in reader:
                if wanted(event):
                    yield event
        finally:
            self._readers.discard(reader)
