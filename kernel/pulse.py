"""Whether a process's main loop still turns: it is that loop which answers a PING.

Interface:
    Pulse           `beat` asks again, and says how often in a row there was no answer
"""

from __future__ import annotations

from ..syscalls.message import VERSION, Kind, Signal
from .process import ControlBlock


class Pulse:
    """One process's answers. Anything at all that it sends counts as one."""

    def __init__(self, process: ControlBlock) -> None:
        self._process = process
        self._heard = -1
        self._silences = 0

    def beat(self) -> int:
        """Ask again; return how many times in a row nothing has come since the last time."""
        connection = self._process.connection
        if connection is None:
            return 0
        self._silences = self._silences + 1 if connection.received == self._heard else 0
        self._heard = connection.received
        connection.send((VERSION, Kind.SIGNAL, 0, Signal.PING))
        return self._silences
