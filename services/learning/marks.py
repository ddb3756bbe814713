"""What people and verifiers say that episodes were worth, kept in one SQLite file.

Interface:
    Marks           `put`, `of`; blocking, for milliseconds
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from ...syscalls.learning import Reward
from .database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mark (
    principal TEXT NOT NULL, pid INTEGER NOT NULL, by TEXT NOT NULL, value REAL NOT NULL,
    note TEXT, time REAL NOT NULL, PRIMARY KEY (principal, pid, by)) WITHOUT ROWID;
"""


class Marks:
    """Owns the file. The latest mark of each who gave one counts."""

    def __init__(self, path: Path) -> None:
        self._base = Database(path, _SCHEMA)

    def put(self, principal: str, reward: Reward) -> None:
        """Keep a mark in the place of what the same one has said before.

        Raises `InputOutputError`.
        """
        self._base.rows(
            "INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?, ?, ?)",
            principal, reward.pid, reward.by, reward.value, reward.note, reward.time,
        )  # fmt: skip

    def of(self, principal: str, pids: Collection[int]) -> dict[int, list[Reward]]:
        """Return the marks of episodes, by pid, the oldest first."""
        found: dict[int, list[Reward]] = {pid: [] for pid in pids}
        for pid, by, value, note, time in self._base.rows(
            "SELECT pid, by, value, note, time FROM mark WHERE principal = ?"
            " AND pid IN (SELECT value FROM json_each(?)) ORDER BY time, by",
            principal, json.dumps(list(found)),
        ):  # fmt: skip
            found[pid].append(Reward(pid=pid, by=by, value=value, note=note, time=time))
        return found

    def close(self) -> None:
        """Close the file."""
        self._base.close()
