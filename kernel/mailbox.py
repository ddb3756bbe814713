"""Messages between processes: a bounded mailbox each, and topics.

Interface:
    PostOffice      `send`, `receive` and `put_back`; `publish` and `subscribe`; `close` at an end
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any
from weakref import WeakValueDictionary

from ..syscalls.codec import pack
from ..syscalls.errors import TryAgain
from ..syscalls.ipc import Letter
from .events import Channel, Room

#: Messages that a mailbox holds, or one topic for one listener, and bytes of them; of a process's
#: topics all together.
CAPACITY, BYTES = 256, 16 * 1024 * 1024


class Mailbox:
    """The letters of one process, and who waits for one."""

    def __init__(self) -> None:
        self._letters: deque[tuple[Letter, int]] = deque()  # with their bytes
        self._size = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def idle(self) -> bool:
        """Whether it holds nothing and nobody waits."""
        return not self._letters and not self._waiting

    def put(self, letter: Letter, size: int) -> bool:
        """Take a letter in; returns whether there was room."""
        if len(self._letters) >= CAPACITY or self._size + size > BYTES:
            return False
        self._letters.append((letter, size))
        self._size += size
        self._wake()
        return True

    def put_back(self, letter: Letter, size: int) -> None:
        """Take a letter in again that nobody has had, before all others."""
        self._letters.appendleft((letter, size))
        self._size += size
        self._wake()

    async def take(self) -> Letter:
        """Take the oldest letter out, waiting until there is one.

        There is nothing to wait for between the letter's leaving and the caller's having it.
        """
        while not self._letters:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # It may have been woken for a letter already; then that is another's.
                if self._letters:
                    self._wake()
                raise
            finally:
                self._waiting.remove(waiter)
        letter, size = self._letters.popleft()
        self._size -= size
        return letter

    def _wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
                return


class PostOffice:
    """All mailboxes and topics. A topic belongs to a principal: nobody else hears it."""

    def __init__(self) -> None:
        self._boxes: dict[int, Mailbox] = {}
        self._listeners: dict[tuple[str, str], set[Channel[Letter]]] = {}
        #: By pid, for as long as a process listens to something.
        self._rooms: WeakValueDictionary[int, Room] = WeakValueDictionary()

    def send(self, sender: int, to: int, body: Any, untrusted: bool = False) -> None:
        """Put a message into a mailbox. Raises `TryAgain` while it is full."""
        letter = Letter(sender=sender, topic=None, body=body, untrusted=untrusted)
        size = len(pack(body))
        if not self._boxes.setdefault(to, Mailbox()).put(letter, size):
            raise TryAgain(f"the mailbox of process {to} is full", retry_after=0.1)

    async def receive(self, pid: int) -> Letter:
        """Take the oldest message, waiting until there is one."""
        box = self._boxes.setdefault(pid, Mailbox())
        try:
            return await box.take()
        finally:
            if box.idle and self._boxes.get(pid) is box:
                del self._boxes[pid]

    def put_back(self, pid: int, letter: Letter) -> None:
        """Give a process the message again that it has asked for and not had."""
        self._boxes.setdefault(pid, Mailbox()).put_back(letter, len(pack(letter.body)))

    def restore(self, pid: int, letters: Iterable[Letter]) -> None:
        """Give a process the letters that it had before."""
        box = self._boxes.setdefault(pid, Mailbox())
        for letter in letters:
            box.put(letter, len(pack(letter.body)))

    def publish(
        self, principal: str, sender: int, topic: str, body: Any, untrusted: bool = False
    ) -> int:
        """Hand a message to everybody who listens now; return how many those are."""
        listeners = self._listeners.get((principal, topic), set())
        letter = Letter(sender=sender, topic=topic, body=body, untrusted=untrusted)
        size = len(pack(body)) if listeners else 0
        for listener in listeners:
            listener.put(letter, size)
        return len(listeners)

    async def subscribe(self, principal: str, topic: str, pid: int) -> AsyncIterator[Letter]:
        """Yield what is published from now on, to a process."""
        room = self._rooms.setdefault(pid, Room(BYTES))
        channel: Channel[Letter] = Channel(CAPACITY, room)
        listeners = self._listeners.setdefault((principal, topic), set())
        listeners.add(channel)
        try:
            async for letter in channel:
                yield letter
        finally:
            listeners.discard(channel)
            channel.drop()
            if not listeners:
                self._listeners.pop((principal, topic), None)

    def close(self, pid: int) -> None:
        """Forget the mailbox of a process that has ended."""
        self._boxes.pop(pid, None)
