"""The SQLite file behind the memory driver: items, their words (FTS5) and vectors (sqlite-vec).

A namespace is a text; nothing of one is ever seen from another.

Interface:
    Store           `put`, `get`, `delete`, `ls`, `by_words`, `by_vector`; blocking, one thread
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from typing import Any

import apsw
import sqlite_vec

from ...syscalls.errors import InvalidArgument, TooBig
from ...syscalls.memory import Hit, Item

#: Characters of a key and bytes of a value, at most.
KEY, VALUE = 512, 1024 * 1024
#: A word as FTS5's unicode61 sees it: an accent of its own belongs to the letter before it.
_WORD = re.compile(r"[\w\u0300-\u036f]+")
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS item (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated REAL NOT NULL,
    vector BLOB,
    UNIQUE (namespace, key)
);
CREATE TABLE IF NOT EXISTS width (namespace TEXT PRIMARY KEY, length INTEGER NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, tokenize = 'unicode61');
"""


class Store:
    """All items. Not thread-safe: one thread opens and uses it."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._base = apsw.Connection(str(path))
        try:
            self._base.set_busy_timeout(5000)
            self._base.enable_load_extension(True)
            self._base.load_extension(sqlite_vec.loadable_path())
            self._base.enable_load_extension(False)
            self._base.execute(_SCHEMA).fetchall()  # Rows are drawn, else it stops at the first.
        except BaseException:
            # A connection that is let go of later would take the next file's log with it.
            self._base.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def put(self, namespace: str, key: str, value: Any, vector: list[float] | None) -> None:
        """Write an item in place of what stood there."""
        text = _json(key, value)
        with self._base:
            blob = None if vector is None else self._blob(namespace, vector)
            (row,) = self._base.execute(
                "INSERT INTO item (namespace, key, value, updated, vector) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value,"
                " updated = excluded.updated, vector = excluded.vector RETURNING id",
                (namespace, key, text, self._now(), blob),
            ).fetchall()
            self._base.execute("DELETE FROM words WHERE rowid = ?", row)
            self._base.execute(
                "INSERT INTO words (rowid, text) VALUES (?, ?)", (*row, _words(key, value))
            )

    def get(self, namespace: str, key: str) -> Item | None:
        """Return an item."""
        _check(key)
        rows = self._base.execute(
            "SELECT key, value, updated FROM item WHERE namespace = ? AND key = ?",
            (namespace, key),
        ).fetchall()
        return _item(rows[0]) if rows else None

    def delete(self, namespace: str, key: str) -> bool:
        """Take an item out; return whether there was one."""
        _check(key)
        with self._base:
            rows = self._base.execute(
                "DELETE FROM item WHERE namespace = ? AND key = ? RETURNING id", (namespace, key)
            ).fetchall()
            for row in rows:
                self._base.execute("DELETE FROM words WHERE rowid = ?", row)
        return bool(rows)

    def ls(self, namespace: str, prefix: str, limit: int) -> list[Item]:
        """Return the items whose keys start with a text, by key."""
        _encodable(prefix)
        # In the order of keys, those with the prefix stand together and come first.
        with closing(
            self._base.execute(
                "SELECT key, value, updated FROM item WHERE namespace = ? AND key >= ?"
                " ORDER BY key LIMIT ?",
                (namespace, prefix, limit),
            )
        ) as rows:
            return [_item(row) for row in takewhile(lambda row: row[0].startswith(prefix), rows)]

    def by_words(self, namespace: str, query: str, limit: int) -> list[Hit]:
        """Return the items that hold words of a query, the best first (BM25)."""
        # Each word is quoted, so that nothing a person types is taken for FTS5's own syntax.
        words = " OR ".join(f'"{word}"' for word in _WORD.findall(query)[:64])
        if not words:
            return []
        rows = self._base.execute(
            "SELECT item.key, item.value, item.updated, -words.rank FROM words"
            " JOIN item ON item.id = words.rowid WHERE words MATCH ? AND item.namespace = ?"
            " ORDER BY words.rank, item.key LIMIT ?",
            (words, namespace, limit),
        )
        return [_hit(row) for row in rows]

    def by_vector(self, namespace: str, vector: list[float], limit: int) -> list[Hit]:
        """Return the nearest items, by cosine."""
        blob = self._blob(namespace, vector, settle=False)
        rows = self._base.execute(
            "SELECT key, value, updated, 1 - vec_distance_cosine(vector, ?) AS score FROM item"
            " WHERE namespace = ? AND vector IS NOT NULL ORDER BY score DESC, key LIMIT ?",
            (blob, namespace, limit),
        )
        return [_hit(row) for row in rows]

    def _blob(self, namespace: str, vector: list[float], settle: bool = True) -> bytes:
        # Of length 1, it is within the range of the 32-bit numbers that it becomes.
        norm = math.hypot(*vector)
        if not 0 < norm < math.inf:
            raise InvalidArgument("a vector has finite numbers, not all of them zero")
        rows = self._base.execute(
            "SELECT length FROM width WHERE namespace = ?", (namespace,)
        ).fetchall()
        if rows and rows[0][0] != len(vector):
            raise InvalidArgument(
                f"a vector of {len(vector)} numbers; those here have {rows[0][0]}"
            )
        if not rows and settle:
            self._base.execute("INSERT INTO width VALUES (?, ?)", (namespace, len(vector)))
        return bytes(sqlite_vec.serialize_float32([number / norm for number in vector]))


def _check(key: str) -> None:
    if not 0 < len(key) <= KEY:
        raise InvalidArgument(f"a key has 1 to {KEY} characters, not {len(key)}")
    _encodable(key)


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument("half of a surrogate pair is no character of a key") from None


def _words(key: str, value: Any) -> str:
    """Return what an item is found by: its key and every text and number in it.

    JSON's own escapes are left out: the letter of a line break's would stick to the next word.
    """
    parts, rest = [key], [value]
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            parts += [str(name) for name in one]
            rest += reversed(one.values())
        elif isinstance(one, (list, tuple)):
            rest += reversed(one)
        else:
            parts.append(one if isinstance(one, str) else json.dumps(one))
    return "\n".join(parts)


def _json(key: str, value: Any) -> str:
    _check(key)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"a value that JSON cannot carry: {error}") from None
    if size > VALUE:
        raise TooBig(f"a value of {size} bytes; {VALUE} are allowed")
    return text


def _item(row: tuple[Any, ...]) -> Item:
    return Item(key=row[0], value=json.loads(row[1]), updated=row[2])


def _hit(row: tuple[Any, ...]) -> Hit:
    return Hit(key=row[0], value=json.loads(row[1]), updated=row[2], score=row[3])
