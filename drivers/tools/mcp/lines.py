"""A stream of bytes cut into lines, each in its bound.

Interface:
    Lines           `feed` yields the lines that are whole
    Overlong        the beginning of one that was too long
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Bytes of an overlong line that are kept.
HEAD = 256
_ID = re.compile(rb'"id"\s*:\s*(\d{1,18})\b')


@dataclass(frozen=True, slots=True)
class Overlong:
    """The beginning of a line that was too long."""

    head: bytes

    def answers(self) -> int | None:
        """Return the number of the request that the line would have answered, where it shows."""
        shown = _ID.search(self.head)
        return int(shown[1]) if shown else None


class Lines:
    """Cuts a stream; `most` bytes make a line at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes | Overlong]:
        """Yield each line that `data` completes, without its end."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._rest += line
            if self._skipping:
                self._skipping = False
            elif len(self._rest) > self._most:
                yield Overlong(bytes(self._rest[:HEAD]))
            else:
                yield bytes(self._rest)
            self._rest.clear()
        if not self._skipping:
            self._rest += rest
            if len(self._rest) > self._most:
                yield Overlong(bytes(self._rest[:HEAD]))
                self._rest.clear()
                self._skipping = True
