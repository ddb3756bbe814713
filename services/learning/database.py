"""The service's SQLite files, whose statements are run off the loop.

Interface:
    Database        one file: `rows`, `many`, `transaction`
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from ...syscalls.errors import InputOutputError

_SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA foreign_keys = ON;
"""


class Database:
    """Owns the connection. Blocking, for milliseconds, from any thread; one at a time."""

    def __init__(self, path: Path, schema: str) -> None:
        """Open the file; one that is no database is put aside, never deleted.

        Raises `InputOutputError`, as all that is done with the file.
        """
        self._path = path
        #: Held over a whole transaction, within which there are statements.
        self._lock = threading.RLock()
        with self._failing():
            try:
                self._base = _open(path, schema)
            except (apsw.NotADBError, apsw.CorruptError) as error:
                names = (path.with_name(f"{path.name}.corrupt-{n}") for n in itertools.count(1))
                aside = next(name for name in names if not name.exists())
                path.rename(aside)
                print(f"{path}: {error}; kept as {aside.name}, a new one begun", file=sys.stderr)
                self._base = _open(path, schema)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return all that it gives."""
        with self._failing():
            return self._base.execute(statement, values or None).fetchall()

    def many(self, statement: str, each: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement once for each row of values."""
        with self._failing():
            self._base.executemany(statement, each)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done within counts, or nothing of it."""
        with self._failing(), self._base:
            yield

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (apsw.Error, OSError) as error:
                raise InputOutputError(f"{self._path}: {error}") from error


def _open(path: Path, schema: str) -> apsw.Connection:
    base = apsw.Connection(str(path))
    try:
        base.set_busy_timeout(5000)
        base.execute(_SETTINGS + schema).fetchall()
    except BaseException:
        # A connection that is let go of later would take the next file's log with it.
        base.close()
        raise
    return base
