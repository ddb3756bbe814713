"""The reading end of the journal.

A file may end within a record, since its writer may have been killed: what is whole before that
counts, and the rest is cut. Damage before the end is another thing, since records that once stood
there are gone: by default reading stops with an error, for whoever must not miss one, such as a
replay. With `on_damage`, it is reported and skipped: the reader goes on where the damaged record's
length says that it ends. It never looks for records inside the bytes of another one, where a
process could have placed some. Where the length itself is damaged and nothing else tells, the rest
of the file is lost, and so it is where looking for ends would take too long.

Interface:
    read            every record of a folder, in order
    segment         those of one file, with where they stand
    Damage          bytes that were left out
    Reader          single records, by their places
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...syscalls.errors import InputOutputError
from .census import where
from .record import MAX_BODY, Damaged, Record, Torn, decode
from .writer import name_of, segments

#: How many times its own size may be read of a file to see where damaged records end; or so many
#: bytes, where that is more.
LOOKS, LEAST = 64, 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Bytes that hold no record."""

    path: Path
    #: Where they begin in the file.
    offset: int
    #: How many they are.
    size: int
    #: Whether it is only the file's end that its writer did not finish.
    torn: bool
    reason: str


def read(folder: Path, on_damage: Callable[[Damage], None] | None = None) -> Iterator[Record]:
    """Yield every record of a journal, the oldest first.

    `on_damage` is told of everything that is left out. Raises `InputOutputError` for a file that
    cannot be read and, without `on_damage`, for one that is damaged before its end.
    """
    for path in segments(folder):
        for _, record in segment(path, 0, on_damage):
            yield record


def segment(
    path: Path, offset: int = 0, on_damage: Callable[[Damage], None] | None = None
) -> Iterator[tuple[int, Record]]:
    """Yield the offset and the record of each in a file from an offset on, as `read` does."""
    try:
        buffer = path.read_bytes()
    except OSError as error:
        raise InputOutputError(f"{path}: {error.strerror}") from error
    looked, most = 0, max(LOOKS * len(buffer), LEAST)
    while offset < len(buffer):
        start = offset
        try:
            record, offset = decode(buffer, offset)
        except Damaged as error:
            torn = isinstance(error, Torn)
            if on_damage is None and not torn:
                raise InputOutputError(f"{path}, byte {offset}: {error}", offset=offset) from error
            looked += error.looked
            end = error.end
            if end is None or looked > most:
                end = len(buffer)
            if on_damage is not None:
                size, reason = end - offset, str(error)
                on_damage(Damage(path=path, offset=offset, size=size, torn=torn, reason=reason))
            offset = end
        else:
            if record is not None:
                yield start, record


class Reader:
    """Reads records at their places; a context, whose files are closed at its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, int] = {}

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            os.close(file)

    def read(self, at: int) -> Record:
        """Return the record at a place. Raises `Damaged` or OSError."""
        number, offset = where(at)
        file = self._files.get(number)
        if file is None:
            path = self._folder / name_of(number)
            file = self._files[number] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        data = os.pread(file, 1024, offset)
        size = 8 + min(int.from_bytes(data[:4]), MAX_BODY)
        if size > len(data):
            data = os.pread(file, size, offset)
        record, _ = decode(data[:size], 0)
        if record is None:
            raise Damaged("a record of a later release")
        return record
