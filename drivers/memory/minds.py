"""The working memories of all processes, in the memory driver's file.

Interface:
    Minds           `of` a process, `set`, `marked`; `processes` that have one, `drop`; blocking,
                    one thread
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import apsw

from ...syscalls.memory import Thought
from ..index.file import rows

_SCHEMA = """
CREATE TABLE IF NOT EXISTS thought (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pid INTEGER NOT NULL,
    principal TEXT NOT NULL,
    place INTEGER NOT NULL,
    text TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    summary_of INTEGER NOT NULL,
    untrusted INTEGER NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS thought_of ON thought (pid, place);
"""


class Minds:
    """All thoughts. Not thread-safe: the connection's thread alone uses it."""

    def __init__(self, base: apsw.Connection, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._base = base
        self._rows = partial(rows, base)
        self._rows(_SCHEMA)

    def of(self, pid: int) -> list[Thought]:
        """Return a process's thoughts, the oldest first."""
        return [
            Thought(id=number, text=text, tokens=tokens, pinned=bool(pinned), summary_of=stands)
            for number, text, tokens, pinned, stands in self._rows(
                "SELECT id, text, tokens, pinned, summary_of FROM thought WHERE pid = ?"
                " ORDER BY place",
                pid,
            )
        ]

    def marked(self, pid: int) -> bool:
        """Whether a stranger's words may be among a process's thoughts."""
        return bool(self._rows("SELECT 1 FROM thought WHERE pid = ? AND untrusted LIMIT 1", pid))

    def set(
        self, pid: int, principal: str, thoughts: Sequence[Thought], untrusted: bool
    ) -> list[Thought]:
        """Let a process have these thoughts, in this order; return them with their numbers.

        Those with `id` 0 are new, and marked with `untrusted`: one at the end, and one in the place
        of thoughts that are there no more.
        """
        kept = {one.id for one in thoughts}
        with self._base:
            stood = self._rows("SELECT id, place FROM thought WHERE pid = ?", pid)
            end = max((place for _, place in stood), default=0) + 1
            free = min((place for number, place in stood if number not in kept), default=end)
            for number in (number for number, _ in stood if number not in kept):
                self._rows("DELETE FROM thought WHERE id = ?", number)
            for one, last in ((one, one is thoughts[-1]) for one in thoughts if not one.id):
                self._rows(
                    "INSERT INTO thought (pid, principal, place, text, tokens, pinned, summary_of,"
                    " untrusted, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    pid, principal, end if last else free, one.text, one.tokens, one.pinned,
                    one.summary_of, untrusted, self._now(),
                )  # fmt: skip
        return self.of(pid)

    def processes(self) -> list[tuple[int, str, float]]:
        """Return the processes that have thoughts: pid, principal, seconds since the last one."""
        now = self._now()
        return [
            (pid, principal, now - at)
            for pid, principal, at in self._rows(
                "SELECT pid, principal, max(at) FROM thought GROUP BY pid, principal"
            )
        ]

    def drop(self, pid: int) -> None:
        """Forget a process's thoughts."""
        self._rows("DELETE FROM thought WHERE pid = ?", pid)
