"""What the kernel asks of a launcher.

Interface:
    Launch          what to start
    Launched        what became of it
    Launcher        the contract
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..sandbox.layers import Report, Sandbox

__all__ = ["Launch", "Launched", "Launcher", "OnExit", "Sandbox"]

#: The process's number in the kernel, its code, and the signal that ended it or 0.
OnExit = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start."""

    #: The process's number in the kernel; exits are reported by it.
    pid: int
    #: `module:function`, called with (arguments, socket); empty where there is an `argv`.
    entry: str
    arguments: Mapping[str, Any]
    #: Where it works and, with Landlock, the only folder that it may write.
    home: Path
    #: What its output is appended to.
    log: Path
    sandbox: Sandbox
    #: A command line to execute in place of an entry.
    argv: tuple[str, ...] | None = None
    #: Folders and files that it may read besides Python's and the system's own.
    readable: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Whether it sees the daemon's own environment besides, which may hold secrets.
    inherits: bool = True
    #: A Unix socket that the connections of a network of its own are handed to; None for no network
    #: at all.
    endpoint: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What became of it."""

    #: The machine's number of the process.
    os_pid: int
    report: Report


class Launcher(Protocol):
    """Starts processes and tells of their ends."""

    #: Told of the end of each process whose launch has succeeded, after that was answered.
    on_exit: OnExit

    async def start(self) -> None:
        """Get ready."""

    async def launch(self, launch: Launch, sock: socket.socket) -> Launched:
        """Start a process that inherits `sock`, which stays the caller's to close.

        Taken back or refused, it leaves no process. Raises `SandboxError` for a required layer
        that is not enforced, `InvalidArgument` for arguments and an environment that are too long,
        and `DeviceError` where the process ended before it began or the launcher itself has died.
        """

    def signal(self, os_pid: int, number: signal.Signals) -> None:
        """Send a signal to a process and what it has started; does nothing for one that is gone."""

    async def close(self) -> None:
        """Kill whatever still runs."""
