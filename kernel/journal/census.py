"""Which processes the journal has to remember, and where each one's records stand.

Kept as records are written, and written down itself now and then, so that a daemon that starts
reads no more of the journal than what was written since.

Interface:
    Life            one process in the journal
    Census          `note`, `dump`, `load`
    place, where    a record's place as one number, and as its file's number and offset
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .record import Kind, Record

#: The outcome of a record that tells of a durable process's start.
DURABLE = "durable"
#: Outcomes of marks: a process was forgotten, and what the census knew.
REMOVED, CENSUS = "removed", "census"
#: And of one that tells what was used by a call that has no record.
SPENT = "spent"
_OFFSET = 32  # bits


def place(number: int, offset: int) -> int:
    """Return a record's place as one number."""
    return number << _OFFSET | offset


def where(at: int) -> tuple[int, int]:
    """Return the number of a record's file and the offset in it."""
    return at >> _OFFSET, at & (1 << _OFFSET) - 1


@dataclass(slots=True)
class Life:
    """One process in the journal."""

    #: Places of the records of its start and of its end.
    start: int
    end: int | None = None
    #: Places of all records that it needs to run again; None for one that never will.
    story: array[int] | None = None


class Census:
    """Every process that has not been forgotten."""

    def __init__(self) -> None:
        self._lives: dict[int, Life] = {}
        #: The highest process number that any record has named.
        self.last = 0

    def __iter__(self) -> Iterator[tuple[int, Life]]:
        return iter(sorted(self._lives.items()))

    def __getitem__(self, pid: int) -> Life:
        return self._lives[pid]

    def find(self, pid: int) -> Life | None:
        """Return a process's life, or None where it is forgotten."""
        return self._lives.get(pid)

    def note(self, record: Record, at: int) -> None:
        """A record stands at a place."""
        pid, kind = record.pid, record.kind
        if pid > self.last:
            self.last = pid
        if record.also:
            self._tell(record.also, at)
        if kind is Kind.START:
            story = array("Q", [at]) if record.outcome == DURABLE else None
            self._lives[pid] = Life(at, None, story)
        elif kind is Kind.EXIT:
            if (life := self._lives.get(pid)) is not None:
                life.end, life.story = at, None
        elif kind is Kind.MARK and record.outcome == REMOVED:
            self._lives.pop(pid, None)
        elif (record.ask or kind is Kind.MARK) and record.also != pid:
            self._tell(pid, at)

    def oldest(self) -> int:
        """Return the number of the oldest file that a process may yet run again from; a huge one
        where there is none."""
        needed = (life.start for life in self._lives.values() if life.story is not None)
        return min(needed, default=1 << 63) >> _OFFSET

    def forget(self, number: int) -> None:
        """Files below a number are gone, and with them whoever began there, but for one that is to
        run again: of that it has to be said."""
        self._lives = {
            pid: life
            for pid, life in self._lives.items()
            if where(life.start)[0] >= number or life.story is not None
        }

    def thin(self, most: int) -> None:
        """Forget all that have ended but so many, the latest: a journal of before there was a
        census knows everybody who ever lived."""
        ended = sorted(pid for pid, life in self._lives.items() if life.end is not None)
        for pid in ended[: max(len(ended) - most, 0)]:
            del self._lives[pid]

    def dump(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "last": self.last,
            "lives": {
                pid: [life.start, life.end, None if life.story is None else life.story.tobytes()]
                for pid, life in self._lives.items()
            },
        }

    def load(self, data: dict[str, Any]) -> None:
        """Take what `dump` has returned in place of what is known."""
        self.last = data["last"]
        self._lives = {
            pid: Life(start, end, None if story is None else array("Q", story))
            for pid, (start, end, story) in data["lives"].items()
        }

    def _tell(self, pid: int, at: int) -> None:
        life = self._lives.get(pid)
        if life is not None and life.story is not None:
            life.story.append(at)
