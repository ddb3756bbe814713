"""Messages between processes: a bounded mailbox each, and topics.

Interface:
    PostOffice      `send`, `receive`, `publish`, `subscribe`, and `close` at a process's end
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from ..syscalls.errors import TryAgain
from ..syscalls.ipc import Letter
from .events import Channel

#: Messages that a mailbox holds.
CAPACITY = 256


class PostOffice:
    """All mailboxes and topics. A topic belongs to a principal: nobody else hears it."""

    def __init__(self) -> None:
        self._letters: dict[int, deque[Letter]] = {}
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}
        self._listeners: dict[tuple[str, str], set[Channel[Letter]]] = {}

    def send(self, sender: int, to: int, body: Any) -> None:
        """Put a message into a mailbox. Raises `TryAgain` while it is full."""
        letters = self._letters.setdefault(to, deque())
        if len(letters) >= CAPACITY:
            raise TryAgain(f"the mailbox of process {to} is full", retry_after=0.1)
        letters.append(Letter(sender=sender, topic=None, body=body))
        for waiter in self._waiting.get(to, ()):
            if not waiter.done():
                waiter.set_result(None)
                break

    async def receive(self, pid: int) -> Letter:
        """Take the oldest message, waiting until there is one."""
        letters = self._letters.setdefault(pid, deque())
        waiters = self._waiting.setdefault(pid, deque())
        while not letters:
            waiter = asyncio.get_running_loop().create_future()
            waiters.append(waiter)
            try:
                await waiter
            finally:
                waiters.remove(waiter)
        letter = letters.popleft()
        return letter

    def publish(self, principal: str, sender: int, topic: str, body: Any) -> int:
        """Hand a message to everybody who listens now; return how many those are."""
        listeners = self._listeners.get((principal, topic), set())
        for listener in listeners:
            listener.put(Letter(sender=sender, topic=topic, body=body))
        return len(listeners)

    async def subscribe(self, principal: str, topic: str) -> AsyncIterator[Letter]:
        """Yield what is published from now on."""
        channel: Channel[Letter] = Channel(CAPACITY)
        listeners = self._listeners.setdefault((principal, topic), set())
        listeners.add(channel)
        try:
            async for letter in channel:
                yield letter
        finally:
            listeners.discard(channel)
            if not listeners:
                self._listeners.pop((principal, topic), None)

    def close(self, pid: int) -> None:
        """Forget the mailbox of a process that has ended."""
        self._letters.pop(pid, None)
        self._waiting.pop(pid, None)
