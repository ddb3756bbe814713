"""Documents of files, one after the other, from any place in a file on.

Interface:
    Reader      reads documents of text files and JSON lines
    Corrupt     raised for what cannot be read
    Trouble     called for what cannot be read
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from ....syscalls.errors import InvalidArgument

#: What cannot be read, by file, line and reason; it raises, or returns where that is passed over.
Trouble: TypeAlias = Callable[[str], None]


class Corrupt(InvalidArgument):
    """A corpus cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How documents are read from a file."""

    #: `text`, or `jsonl` with the field that holds a document.
    format: str
    field: str
    #: Bytes of a line and characters of a document, at most.
    longest: int

    def read(
        self, path: Path, name: str, start: int, trouble: Trouble
    ) -> Iterator[tuple[str, int]]:
        """Yield the documents of a file after a byte, each with the byte after it.

        `trouble` is called for what cannot be read, with the file's `name` and the line.
        """
        try:
            with path.open("rb") as file:
                file.seek(start)
                # The number of a line is only looked up where it is to be told.
                lines = _Lines(file, path, name, self.longest, trouble)
                made = self._records(lines) if self.format == "jsonl" else self._paragraphs(lines)
                yield from made
        except OSError as error:
            trouble(f"{name}: {error.strerror}")

    def _paragraphs(self, lines: _Lines) -> Iterator[tuple[str, int]]:
        parts: list[str] = []
        length = 0
        for line in lines:
            if line.strip():
                parts.append(line)
                length += len(line)
            if parts and (not line.strip() or length > self.longest):
                yield "".join(parts).strip(), lines.offset
                parts, length = [], 0
        if parts:
            yield "".join(parts).strip(), lines.offset

    def _records(self, lines: _Lines) -> Iterator[tuple[str, int]]:
        for line in lines:
            if not line.strip():
                continue
            try:
                text = json.loads(line)[self.field]
                if not isinstance(text, str):
                    raise TypeError
                text.encode()
            except (KeyError, TypeError, IndexError):
                lines.trouble(f"no text in the field {self.field!r}")
            except UnicodeEncodeError:
                lines.trouble("half a character, a surrogate without its other")
            except (ValueError, RecursionError) as error:
                lines.trouble(f"no JSON: {str(error).partition(': line')[0]}")
            else:
                if text.strip():
                    yield text.strip(), lines.offset


class _Lines:
    """The lines of a file that are text, and where the reading stands."""

    def __init__(
        self, file: BinaryIO, path: Path, name: str, longest: int, trouble: Trouble
    ) -> None:
        self._file, self._path, self._name = file, path, name
        self._longest, self._trouble = longest, trouble
        self._begin = self.offset = file.tell()

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(self._longest + 1):
            self._begin, self.offset = self.offset, self._file.tell()
            if len(line) > self._longest:
                self._skip()
                self.trouble(f"longer than {self._longest} bytes")
                continue
            try:
                text = line.decode("utf-8-sig" if self._begin == 0 else "utf-8")
            except UnicodeDecodeError as error:
                self.trouble(f"no UTF-8: byte {error.start + 1} is 0x{line[error.start]:02x}")
                continue
            if "\0" in text:
                self.trouble("no text: it holds a byte of value 0")
                continue
            yield text

    def _skip(self) -> None:
        """Go to the line's end."""
        while (rest := self._file.readline(65536)) and not rest.endswith(b"\n"):
            pass
        self.offset = self._file.tell()

    def trouble(self, reason: str) -> None:
        """Tell that the line that was read last is of no use."""
        with self._path.open("rb") as file:
            number, left = 1, self._begin
            while left and (chunk := file.read(min(left, 1 << 20))):
                number += chunk.count(b"\n")
                left -= len(chunk)
        self._trouble(f"{self._name}, line {number}: {reason}")
