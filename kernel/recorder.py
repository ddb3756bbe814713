"""What is written down of each call as it passes the trap.

Interface:
    Recorder            the contract
    NullRecorder        writes nothing, for a kernel without a journal
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .call import Call
from .process import ControlBlock


class Recorder(Protocol):
    """Told of every call, on the kernel's loop; must not block."""

    def intend(self, call: Call) -> bool:
        """Note a call before anything happens; returns whether it has to wait for `after`.

        Raises an error to refuse it.
        """

    def asked(self, call: Call) -> None:
        """Note that a call waits for a person."""

    def item(self, call: Call, body: bytes) -> None:
        """Note that a call of a durable process is sent an item."""

    def ended(self, call: Call, code: str, body: bytes) -> bool:
        """Note how a call ended: `ok` and the result, or the error's code and body.

        Returns whether its answer has to wait for `after`.
        """

    def settled(self, call: Call) -> None:
        """Note what a call has used whose end its origin has been told of before, or that is made
        once more."""

    def refused(self, process: ControlBlock, header: list[Any], body: bytes, error: Any) -> None:
        """Note that a durable process's request became no call."""

    def mark(self, process: ControlBlock, what: str, value: Any) -> None:
        """Note what a durable process is to have again."""

    def after(self, done: Callable[[str | None], None]) -> None:
        """Call back once what was noted is safe, with None, or with why it cannot be."""


class NullRecorder:
    """Keeps no record."""

    def intend(self, call: Call) -> bool:
        """Let every call pass."""
        return False

    def asked(self, call: Call) -> None:
        """Forget it."""

    def item(self, call: Call, body: bytes) -> None:
        """Forget it."""

    def ended(self, call: Call, code: str, body: bytes) -> bool:
        """Forget it."""
        return False

    def settled(self, call: Call) -> None:
        """Forget it."""

    def refused(self, process: ControlBlock, header: list[Any], body: bytes, error: Any) -> None:
        """Forget it."""

    def mark(self, process: ControlBlock, what: str, value: Any) -> None:
        """Forget it."""

    def after(self, done: Callable[[str | None], None]) -> None:
        """Call back at once."""
        done(None)
