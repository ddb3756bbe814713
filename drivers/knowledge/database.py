"""The SQLite file behind the knowledge driver: its tables, and bounds on what a question may cost.

Names and values stand once each, as terms; a fact is three of them with who says it and from when
to when. Terms belong to one namespace, so no fact of one can meet a fact of another.

Interface:
    Database        one connection; blocking, for one thread alone
    scope           the number of a namespace
    rows            what a statement yields
    bounded         questions in it end in `TooBig` once they have taken too long
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import apsw

from ...syscalls.errors import TooBig
from ..index.file import rows

#: Steps of SQLite's machine that a question may take, and seconds of the thread's processor time:
#: what others do on the machine makes no question too long.
STEPS, SECONDS = 100_000_000, 3.0
#: Steps between two looks at the clock.
STRIDE = 20_000
_SCHEMA = """
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS scope (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS term (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope,
    kind TEXT NOT NULL,
    value NOT NULL,
    folded TEXT,
    UNIQUE (scope, kind, value)
);
CREATE INDEX IF NOT EXISTS folded ON term (scope, folded) WHERE folded IS NOT NULL;
CREATE TABLE IF NOT EXISTS document (
    id INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope,
    name TEXT NOT NULL,
    media TEXT NOT NULL,
    asked TEXT,
    digest TEXT NOT NULL,
    title TEXT,
    size INTEGER NOT NULL,
    added REAL NOT NULL,
    missing TEXT NOT NULL,
    UNIQUE (scope, name)
);
CREATE TABLE IF NOT EXISTS passage (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE,
    position INTEGER NOT NULL,
    digest BLOB NOT NULL,
    text TEXT NOT NULL,
    place TEXT NOT NULL,
    extracted INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS of_document ON passage (document, position);
CREATE TABLE IF NOT EXISTS fact (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope INTEGER NOT NULL REFERENCES scope,
    subject INTEGER NOT NULL REFERENCES term,
    relation INTEGER NOT NULL REFERENCES term,
    object INTEGER NOT NULL REFERENCES term,
    source TEXT NOT NULL,
    since TEXT,
    until TEXT,
    start REAL NOT NULL,
    end REAL NOT NULL,
    told REAL NOT NULL,
    retracted REAL,
    untrusted INTEGER NOT NULL,
    document INTEGER REFERENCES document ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS by_subject ON fact (subject, relation, object);
CREATE INDEX IF NOT EXISTS by_relation ON fact (relation, object, subject);
CREATE INDEX IF NOT EXISTS by_object ON fact (object, relation);
CREATE INDEX IF NOT EXISTS by_scope ON fact (scope);
CREATE INDEX IF NOT EXISTS by_document ON fact (document) WHERE document IS NOT NULL;
CREATE TABLE IF NOT EXISTS stated (
    fact INTEGER NOT NULL REFERENCES fact ON DELETE CASCADE,
    passage INTEGER NOT NULL REFERENCES passage ON DELETE CASCADE,
    row INTEGER,
    PRIMARY KEY (fact, passage)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS in_passage ON stated (passage);
"""


class Database:
    """The open file. Not thread-safe: one thread opens and uses it."""

    def __init__(self, connection: apsw.Connection, now: Callable[[], float] = time.time) -> None:
        self.connection = connection
        self.now = now
        #: All rows of a statement.
        self.rows = partial(rows, connection)
        self.rows(_SCHEMA)
        #: Rows written when the planner last looked, and until it looks again.
        self._settled, self._due = connection.total_changes(), 1000

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def scope(self, namespace: str) -> int:
        """Return a namespace's number; a new one gets its own."""
        find = "SELECT id FROM scope WHERE name = ?"
        make = "INSERT INTO scope (name) VALUES (?) RETURNING id"
        ((number,),) = self.rows(find, namespace) or self.rows(make, namespace)
        return int(number)

    @contextmanager
    def bounded(self, steps: int | None = None, seconds: float | None = None) -> Iterator[None]:
        """Let all statements in here take so many steps and seconds together, or raise `TooBig`."""
        left = (STEPS if steps is None else steps) // STRIDE
        last = time.thread_time() + (SECONDS if seconds is None else seconds)

        def used_up() -> bool:
            nonlocal left
            left -= 1
            return left < 0 or time.thread_time() > last

        self.connection.set_progress_handler(used_up, STRIDE)
        try:
            yield
        except apsw.InterruptError:
            raise TooBig("the question takes too long; say more of what is looked for") from None
        finally:
            self.connection.set_progress_handler(None)

    def settle(self) -> None:
        """Let the planner learn how much there is of what, where much was written since."""
        changes = self.connection.total_changes()
        if changes - self._settled >= self._due:
            self._settled, self._due = changes, min(2 * self._due, 100_000)
            self.rows("PRAGMA analysis_limit = 400; ANALYZE fact; ANALYZE term")
