"""A driver's SQLite file, with the functions of `sqlite-vec` on its connection.

Interface:
    open_file       a connection; a file that is no database is put aside, never deleted
    rows            what a statement gives, all of it
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import apsw

from ...syscalls.errors import InputOutputError

T = TypeVar("T")
_SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -8192;
"""


def rows(base: apsw.Connection, statement: str, *values: Any) -> list[Any]:
    """Run statements to their end and return the rows. Raises `apsw.Error`."""
    return base.execute(statement, values or None).fetchall()


def open_file(path: Path, prepare: Callable[[apsw.Connection], T]) -> T:
    """Return what `prepare` makes of a connection; it writes the schema first.

    A file that is no database is put aside with its log, and a new one begun. Raises `apsw.Error`.
    """
    try:
        return _open(path, prepare)
    except (apsw.NotADBError, apsw.CorruptError) as error:
        names = (path.with_name(f"{path.name}.corrupt-{n}") for n in itertools.count(1))
        aside = next(name for name in names if not name.exists())
        path.rename(aside)
        for ending in ("-wal", "-shm"):
            rest = path.with_name(path.name + ending)
            if rest.exists():
                rest.rename(aside.with_name(aside.name + ending))
        print(f"{path}: {error}; kept as {aside.name}, a new one begun", file=sys.stderr)
        return _open(path, prepare)


def _extension() -> str:
    """Return where `sqlite-vec` lies. To import it would load numpy, which takes 20 MB."""
    found = find_spec("sqlite_vec")
    if found is None or found.origin is None:
        raise InputOutputError("sqlite-vec is not installed")
    return str(Path(found.origin).with_name("vec0"))


def _open(path: Path, prepare: Callable[[apsw.Connection], T]) -> T:
    base = apsw.Connection(str(path))
    try:
        base.set_busy_timeout(5000)
        base.enable_load_extension(True)
        base.load_extension(_extension())
        base.enable_load_extension(False)
        rows(base, _SETTINGS)
        return prepare(base)
    except BaseException:
        # A connection that is let go of later would take the next file's log with it.
        base.close()
        raise
