"""The reading end of the journal.

Interface:
    read            every record of a folder, in order
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ...syscalls.errors import InputOutputError
from .record import Damaged, Record, decode
from .writer import segments


def read(folder: Path, on_torn: Callable[[Path, int], None] | None = None) -> Iterator[Record]:
    """Yield every record of a journal, the oldest first.

    A file may end within a record, since its writer may have been killed: what is whole before
    that counts, and `on_torn` is told of the file and the bytes left out. Raises
    `InputOutputError` for a file that cannot be read.
    """
    for path in segments(folder):
        try:
            buffer = path.read_bytes()
        except OSError as error:
            raise InputOutputError(f"{path}: {error.strerror}") from error
        offset = 0
        while offset < len(buffer):
            try:
                record, offset = decode(buffer, offset)
            except (Damaged, ValueError):
                if on_torn is not None:
                    on_torn(path, len(buffer) - offset)
                break
            yield record
