"""A driver whose effect cannot be taken back, and who remembers every time that it happened.

Interface:
    Witness         the syscalls
    installed       makes it a plugin of whoever has a folder on the path
"""

from __future__ import annotations

import os as machine
from pathlib import Path

from llmagentos.syscalls.host import Host
from llmagentos.syscalls.interface import Interface, syscall

#: What the packaging tools would write of a distribution.
METADATA = "Metadata-Version: 2.1\nName: witness\nVersion: 1.0\n"
ENTRY_POINTS = "[llmagentos.drivers]\nwitness = benchmarks.torture.witness:Witness\n"


class Witness(Interface, name="witness"):
    """Appends lines to a file."""

    async def setup(self, host: Host) -> None:
        self._path = host.state / "lines"
        self._path.touch()
        self._lines = set(self._path.read_text().split("\n"))

    @syscall(effect=True)
    async def append(self, line: str) -> int:
        """Write a line, and return how often it stands there. It is on the disk before that."""
        with self._path.open("ab", buffering=0) as file:
            file.write(line.encode() + b"\n")
            machine.fdatasync(file.fileno())
        self._lines.add(line)
        return self._path.read_text().split("\n").count(line)

    @syscall(idempotent=True)
    async def has(self, line: str) -> bool:
        """Whether a line stands there."""
        return line in self._lines


def installed(folder: Path) -> None:
    """Write what makes it a plugin where `folder` is on Python's path."""
    place = folder / "witness-1.0.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(METADATA)
    (place / "entry_points.txt").write_text(ENTRY_POINTS)
