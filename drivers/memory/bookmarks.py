"""Up to where each process's records of the journal were read.

Interface:
    Bookmarks       `of` a process, `set`; blocking, one thread
"""

from __future__ import annotations

from functools import partial

import apsw

from ..index.file import rows

_SCHEMA = """
CREATE TABLE IF NOT EXISTS read_until (
    namespace TEXT NOT NULL,
    pid INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time REAL NOT NULL,
    PRIMARY KEY (namespace, pid)
);
"""


class Bookmarks:
    """Up to where each process's records were read. The connection's thread alone uses it."""

    def __init__(self, base: apsw.Connection) -> None:
        self._base = base
        self._rows = partial(rows, base)
        self._rows(_SCHEMA)

    def of(self, namespace: str, pid: int) -> tuple[int, float]:
        """Return the last record that was read: its `seq` and its time; 0 for none."""
        found = self._rows(
            "SELECT seq, time FROM read_until WHERE namespace = ? AND pid = ?", namespace, pid
        )
        return (int(found[0][0]), float(found[0][1])) if found else (0, 0.0)

    def set(self, namespace: str, pid: int, seq: int, at: float) -> None:
        """Records were read up to this one."""
        self._rows("INSERT OR REPLACE INTO read_until VALUES (?, ?, ?, ?)", namespace, pid, seq, at)
