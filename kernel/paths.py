"""Where the daemon keeps its files.

Interface:
    Paths           folders and files of one daemon
    PidSequence     numbers of processes
    rewrite         writes a small file as a whole
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..syscalls.errors import InputOutputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Folders and files of one daemon; all are the owner's alone."""

    #: What outlives the daemon.
    state: Path
    #: What does not: the control socket.
    runtime: Path

    @property
    def socket(self) -> Path:
        return self.runtime / "kernel.sock"

    @property
    def lock(self) -> Path:
        return self.runtime / "kernel.lock"

    @property
    def homes(self) -> Path:
        return self.state / "home"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def journal(self) -> Path:
        return self.state / "journal"

    @property
    def children(self) -> Path:
        """Return the lock that is held while anything lives that a daemon has started."""
        return self.state / "children.lock"

    @property
    def dice(self) -> Path:
        """Return where the number stands that sets are ordered by."""
        return self.state / "dice"

    @property
    def tokens(self) -> Path:
        return self.state / "tokens.json"

    @property
    def spent(self) -> Path:
        """Return where it stands what the policy's principals have spent."""
        return self.state / "spent.json"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets.json"

    @property
    def announced(self) -> Path:
        return self.state / "plugins.json"

    @property
    def pids(self) -> Path:
        return self.state / "last_pid"

    def of_plugin(self, kind: str, name: str) -> Path:
        """Return the folder of a driver or service."""
        return self.state / kind / name

    def log(self, pid: int) -> Path:
        """Return where a process's output goes."""
        return self.logs / f"{pid}.log"

    def home(self, principal: str, name: str) -> Path:
        """Return where an agent may write; runs of one name share it."""
        return self.homes / principal / name

    def make(self) -> None:
        """Make the folders. Raises `InputOutputError` naming the one that cannot be made."""
        for folder in (self.state, self.runtime, self.homes, self.logs, self.journal):
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise InputOutputError(f"{folder} cannot be made: {error.strerror}") from error
        # A Unix socket's address holds 107 bytes.
        if len(os.fsencode(self.socket)) > 107:
            raise InputOutputError(f"{self.socket} is too long a path for a socket")


class PidSequence:
    """Numbers processes; a number is never given twice, not even by another daemon later."""

    def __init__(self, path: Path, known: int = 0) -> None:
        """`known`: a number that was given before, whatever the file says."""
        self._path = path
        try:
            self._last = int(path.read_text()) if path.exists() else 0
        except (OSError, ValueError) as error:
            raise InputOutputError(f"{path} holds no process number: {error}") from error
        self._last = max(self._last, known)

    def __call__(self) -> int:
        """Return the next number."""
        self._last += 1
        # Without room on the disk people must still get in to make some: the number is written
        # with the next one.
        with suppress(OSError):
            rewrite(self._path, str(self._last))
        return self._last


def rewrite(path: Path, text: str, *, sync: bool = False) -> None:
    """Write a file as a whole, for the owner alone: whoever reads it finds the text of before or
    this one, also after a loss of power where it is to wait for the disk (`sync`). Raises OSError.
    """
    aside = path.with_suffix(".new")
    with open(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    aside.replace(path)
