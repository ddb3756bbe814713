"""The SQLite file behind the memory driver: items, their words (FTS5) and vectors (sqlite-vec).

A namespace is a text; nothing of one is ever seen from another.

Interface:
    Store           `put`, `get`, `delete`, `ls`, `by_words`, `by_vector`; blocking, one thread
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import sqlite_vec

from ...syscalls.errors import InvalidArgument, TooBig
from ...syscalls.memory import Hit, Item

#: Characters of a key and bytes of a value, at most.
KEY, VALUE = 512, 1024 * 1024
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
        self._base.set_busy_timeout(5000)
        self._base.enable_load_extension(True)
        self._base.load_extension(sqlite_vec.loadable_path())
        self._base.enable_load_extension(False)
        self._base.execute(_SCHEMA).fetchall()  # Rows are drawn, else it stops at the first.

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
                "INSERT INTO words (rowid, text) VALUES (?, ?)", (*row, f"{key} {text}")
            )

    def get(self, namespace: str, key: str) -> Item | None:
        """Return an item."""
        rows = self._base.execute(
            "SELECT key, value, updated FROM item WHERE namespace = ? AND key = ?",
            (namespace, key),
        ).fetchall()
        return _item(rows[0]) if rows else None

    def delete(self, namespace: str, key: str) -> bool:
        """Take an item out; return whether there was one."""
        with self._base:
            rows = self._base.execute(
                "DELETE FROM item WHERE namespace = ? AND key = ? RETURNING id", (namespace, key)
            ).fetchall()
            for row in rows:
                self._base.execute("DELETE FROM words WHERE rowid = ?", row)
        return bool(rows)

    def ls(self, namespace: str, prefix: str, limit: int) -> list[Item]:
        """Return the items whose keys start with a text, by key."""
        rows = self._base.execute(
            "SELECT key, value, updated FROM item WHERE namespace = ?"
            " AND substr(key, 1, length(?)) = ? ORDER BY key LIMIT ?",
            (namespace, prefix, prefix, limit),
        )
        return [_item(row) for row in rows]

    def by_words(self, namespace: str, query: str, limit: int) -> list[Hit]:
        """Return the items that hold words of a query, the best first (BM25)."""
        # Each word is quoted, so that nothing a person types is taken for FTS5's own syntax.
        words = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", query)[:64])
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
        if not vector or not any(vector):
            raise InvalidArgument("a vector has a length, and is not zero everywhere")
        rows = self._base.execute(
            "SELECT length FROM width WHERE namespace = ?", (namespace,)
        ).fetchall()
        if rows and rows[0][0] != len(vector):
            raise InvalidArgument(
                f"a vector of {len(vector)} numbers; those here have {rows[0][0]}"
            )
        if not rows and settle:
            self._base.execute("INSERT INTO width VALUES (?, ?)", (namespace, len(vector)))
        return bytes(sqlite_vec.serialize_float32(vector))


def _json(key: str, value: Any) -> str:
    if not 0 < len(key) <= KEY:
        raise InvalidArgument(f"a key has 1 to {KEY} characters, not {len(key)}")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"a value that JSON cannot carry: {error}") from None
    if size > VALUE:
        raise TooBig(f"a value of {size} bytes; {VALUE} are allowed")
    return text


def _item(row: tuple[Any, ...]) -> Item:
    return Item(key=row[0], value=json.loads(row[1]), updated=row[2])


def _hit(row: tuple[Any, ...]) -> Hit:
    return Hit(key=row[0], value=json.loads(row[1]), updated=row[2], score=row[3])
