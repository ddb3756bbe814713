"""What is written down of each call as it passes the trap.

Interface:
    Recorder            the contract
    NullRecorder        writes nothing, for a kernel without a journal
"""

from __future__ import annotations

from typing import Protocol

from .call import Call


class Recorder(Protocol):
    """Told of every call, on the kernel's loop; must not block."""

    def intend(self, call: Call) -> None:
        """Note a call before anything happens. Raises an error to refuse it."""

    def asked(self, call: Call) -> None:
        """Note that a call waits for a person."""

    def ended(self, call: Call, code: str, body: bytes) -> None:
        """Note how a call ended: `ok` and the result, or the error's code and body."""


class NullRecorder:
    """Keeps no record."""

    def intend(self, call: Call) -> None:
        """Let every call pass."""

    def asked(self, call: Call) -> None:
        """Forget it."""

    def ended(self, call: Call, code: str, body: bytes) -> None:
        """Forget it."""
