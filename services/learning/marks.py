"""What people and verifiers say that episodes were worth, kept in one SQLite file.

Interface:
    Marks           `put`, `of`; blocking, for milliseconds
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

import apsw

from ...syscalls.errors import InputOutputError
from ...syscalls.learning import Reward

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS mark (
    principal TEXT NOT NULL, pid INTEGER NOT NULL, by TEXT NOT NULL, value REAL NOT NULL,
    note TEXT, time REAL NOT NULL, PRIMARY KEY (principal, pid, by)) WITHOUT ROWID;
"""


class Marks:
    """Owns the file. The latest mark of each who gave one counts."""

    def __init__(self, path: Path) -> None:
        """Open the file; one that is no database is put aside."""
        #: A connection serves one thread at a time.
        self._lock = threading.Lock()
        try:
            self._base = _open(path)
        except (apsw.NotADBError, apsw.CorruptError):
            names = (path.with_name(f"{path.name}.corrupt-{n}") for n in itertools.count(1))
            path.rename(next(name for name in names if not name.exists()))
            self._base = _open(path)

    def put(self, principal: str, reward: Reward) -> None:
        """Keep a mark in the place of what the same one has said before.

        Raises `InputOutputError`.
        """
        self._rows(
            "INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?, ?, ?)",
            principal, reward.pid, reward.by, reward.value, reward.note, reward.time,
        )  # fmt: skip

    def of(self, principal: str, pids: Collection[int]) -> dict[int, list[Reward]]:
        """Return the marks of episodes, by pid, the oldest first."""
        found: dict[int, list[Reward]] = {pid: [] for pid in pids}
        for pid in found:
            rows = self._rows(
                "SELECT by, value, note, time FROM mark WHERE principal = ? AND pid = ?"
                " ORDER BY time",
                principal, pid,
            )  # fmt: skip
            found[pid] = [
                Reward(pid=pid, by=by, value=value, note=note, time=time)
                for by, value, note, time in rows
            ]
        return found

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._base.execute(statement, values).fetchall()
        except apsw.Error as error:
            raise InputOutputError(f"the marks cannot be kept: {error}") from error


def _open(path: Path) -> apsw.Connection:
    base = apsw.Connection(str(path))
    try:
        base.set_busy_timeout(5000)
        base.execute(_SCHEMA).fetchall()
    except BaseException:
        base.close()
        raise
    return base
