"""Messages between processes: bounded mailboxes and topics.

Interface:
    Ipc         the syscalls
    Letter      one message, with its sender
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from .interface import Interface, syscall


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message. The kernel writes the sender; nobody can pretend to be another."""

    #: Pid of the sender.
    sender: int
    #: The topic it was published on; None for one sent to a mailbox.
    topic: str | None
    body: Any
    #: Whether a stranger's words may be in it, since its sender had read some; whoever takes it is
    #: tainted by it.
    untrusted: bool = False


class Ipc(Interface, name="ipc"):
    """Processes of one principal talk to each other."""

    @syscall(effect=True)
    async def send(self, to: int, body: Any) -> None:
        """Put a message into a process's mailbox.

        Raises `TryAgain` while the mailbox is full and `NotFound` for no such live process.
        """
        raise NotImplementedError

    @syscall(effect=True, deadline=86_400.0)
    async def recv(self) -> Letter:
        """Take the oldest message out of the own mailbox, waiting until there is one."""
        raise NotImplementedError

    @syscall(effect=True)
    async def publish(self, topic: str, body: Any) -> int:
        """Send to everybody who listens to a topic now; return how many that were."""
        raise NotImplementedError

    @syscall(stream=True, deadline=86_400.0)
    async def subscribe(self, topic: str) -> AsyncIterator[Letter]:
        """Yield what is published on a topic from now on. A slow reader loses the oldest."""
        raise NotImplementedError
        yield
