"""The SQLite file behind the memory driver: items, their words (FTS5) and vectors (sqlite-vec).

A namespace is a text; nothing of one is ever seen from another. So each that is searched has an
index of its own: the statistics of a common one would tell what others store.

Interface:
    Store           `put`, `get`, `delete`, `ls`; `by_words`, `by_vector` rank, `hits` reads what
                    was ranked; blocking, one thread
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
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
#: Bytes of an answer, as JSON, and of each item in it besides its key and value.
ANSWER, ITEM = 8 * 1024 * 1024, 64
#: A word as FTS5's unicode61 sees it: an accent of its own belongs to the letter before it.
_WORD = re.compile(r"[\w\u0300-\u036f]+")
#: Keys with scores, the best first; and a row of the file.
Ranking = list[tuple[str, float]]
Row = tuple[Any, ...]
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
CREATE TABLE IF NOT EXISTS searched (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL UNIQUE);
"""
_ONE = "SELECT key, value, updated FROM item WHERE namespace = ? AND key = ?"


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
            ((number,),) = self._rows(
                "INSERT INTO item (namespace, key, value, updated, vector) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value,"
                " updated = excluded.updated, vector = excluded.vector RETURNING id",
                namespace, key, text, self._now(), blob,
            )  # fmt: skip
            if (index := self._index(namespace)) is not None:
                self._rows(f"DELETE FROM {index} WHERE rowid = ?", number)
                self._enter(index, number, key, value)

    def get(self, namespace: str, key: str) -> Item | None:
        """Return an item."""
        _check(key)
        rows = self._rows(_ONE, namespace, key)
        return _item(rows[0]) if rows else None

    def delete(self, namespace: str, key: str) -> bool:
        """Take an item out; return whether there was one."""
        _check(key)
        with self._base:
            rows = self._rows(
                "DELETE FROM item WHERE namespace = ? AND key = ? RETURNING id", namespace, key
            )
            if rows and (index := self._index(namespace)) is not None:
                self._rows(f"DELETE FROM {index} WHERE rowid = ?", *rows[0])
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
            found = takewhile(lambda row: row[0].startswith(prefix), rows)
            return [_item(row) for row in _bounded(found)]

    def keys(self, namespace: str, prefix: str, limit: int) -> list[str]:
        """Return the keys that start with a text, sorted."""
        _encodable(prefix)
        rows = self._rows(
            "SELECT key FROM item WHERE namespace = ? AND key >= ? ORDER BY key LIMIT ?",
            namespace, prefix, limit,
        )  # fmt: skip
        return list(takewhile(lambda key: key.startswith(prefix), (key for (key,) in rows)))

    def by_words(self, namespace: str, query: str, limit: int) -> Ranking:
        """Return the keys of items that hold words of a query, the best first (BM25)."""
        # Each word is quoted, so that nothing a person types is taken for FTS5's own syntax.
        words = " OR ".join(f'"{word}"' for word in _WORD.findall(query)[:64])
        if not words:
            return []
        index = self._index(namespace) or self._make_index(namespace)
        return self._rows(
            f"SELECT item.key, -{index}.rank FROM {index} JOIN item ON item.id = {index}.rowid"
            f" WHERE {index} MATCH ? ORDER BY {index}.rank, item.key LIMIT ?",
            words, limit,
        )  # fmt: skip

    def by_vector(self, namespace: str, vector: list[float], limit: int) -> Ranking:
        """Return the keys of the nearest items, by cosine."""
        blob = self._blob(namespace, vector, settle=False)
        return self._rows(
            "SELECT key, 1 - vec_distance_cosine(vector, ?) AS score FROM item"
            " WHERE namespace = ? AND vector IS NOT NULL ORDER BY score DESC, key LIMIT ?",
            blob, namespace, limit,
        )  # fmt: skip

    def hits(self, namespace: str, ranking: Ranking) -> list[Hit]:
        """Return what was ranked, with the values."""
        rows = ((*row, score) for key, score in ranking for row in self._rows(_ONE, namespace, key))
        return [_hit(row) for row in _bounded(rows)]

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        return self._base.execute(statement, values).fetchall()

    def _index(self, namespace: str) -> str | None:
        """Return the name of a namespace's index; one that was never searched has none."""
        rows = self._rows("SELECT id FROM searched WHERE namespace = ?", namespace)
        return f"words_{rows[0][0]}" if rows else None

    def _make_index(self, namespace: str) -> str:
        """Enter all items of a namespace in an index; it is kept from then on."""
        with self._base:
            ((place,),) = self._rows(
                "INSERT INTO searched (namespace) VALUES (?) RETURNING id", namespace
            )
            index = f"words_{place}"
            self._rows(f"CREATE VIRTUAL TABLE {index} USING fts5(text, tokenize = 'unicode61')")
            items: Iterable[Row] = self._base.execute(
                "SELECT id, key, value FROM item WHERE namespace = ?", (namespace,)
            )
            for number, key, value in items:
                self._enter(index, number, key, json.loads(value))
        return index

    def _enter(self, index: str, number: int, key: str, value: Any) -> None:
        text = _words(key, value)
        self._rows(f"INSERT INTO {index} (rowid, text) VALUES (?, ?)", number, text)

    def _blob(self, namespace: str, vector: list[float], settle: bool = True) -> bytes:
        # Of length 1, it is within the range of the 32-bit numbers that it becomes.
        norm = math.hypot(*vector)
        if not 0 < norm < math.inf:
            raise InvalidArgument("a vector has finite numbers, not all of them zero")
        rows = self._rows("SELECT length FROM width WHERE namespace = ?", namespace)
        if rows and rows[0][0] != len(vector):
            raise InvalidArgument(
                f"a vector of {len(vector)} numbers; those here have {rows[0][0]}"
            )
        if not rows and settle:
            self._rows("INSERT INTO width VALUES (?, ?)", namespace, len(vector))
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


def _bounded(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows of key and value, as long as they fit into an answer together.

    It is asked before values are made of JSON's text, since those take many times its room.
    """
    total = 0
    for row in rows:
        total += len(row[0].encode()) + len(row[1].encode()) + ITEM
        if total > ANSWER:
            raise TooBig(f"the items have more than {ANSWER} bytes together; ask for fewer")
        yield row


def _item(row: Row) -> Item:
    return Item(key=row[0], value=json.loads(row[1]), updated=row[2])


def _hit(row: Row) -> Hit:
    return Hit(key=row[0], value=json.loads(row[1]), updated=row[2], score=row[3])
