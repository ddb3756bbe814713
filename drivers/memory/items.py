"""Values by key: items with their words and vectors, in the memory driver's file.

A namespace is a place of the shelf: nothing of one is ever seen from another.

Interface:
    Items           `put`, `get`, `delete`, `ls`, `keys`; `rank` searches, `hits` reads what was
                    ranked; blocking, one thread
    Row             an item as the file has it; `item` makes one of it
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import takewhile
from typing import Any

import apsw

from ...syscalls.errors import InvalidArgument, TooBig
from ...syscalls.memory import Hit, Item
from ..index.file import rows
from ..index.shelf import Shelf
from ..index.words import Ranking

#: Characters of a key and bytes of a value, at most.
KEY, VALUE = 512, 1024 * 1024
#: Bytes of an answer, as JSON, and of each item in it besides its key and value.
ANSWER, ITEM = 8 * 1024 * 1024, 64
#: Key, value as JSON, when it was written, whether it is marked.
Row = tuple[str, str, float, int]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated REAL NOT NULL,
    untrusted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace, key)
);
CREATE TABLE IF NOT EXISTS width (namespace TEXT PRIMARY KEY, length INTEGER NOT NULL);
"""
_ROW = "SELECT key, value, updated, untrusted FROM item"


class Items:
    """All items. Not thread-safe: the connection's thread alone uses it."""

    def __init__(self, base: apsw.Connection, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._base = base
        self._rows = partial(rows, base)
        self._rows(_SCHEMA)
        if not self._rows("SELECT 1 FROM pragma_table_info('item') WHERE name = 'untrusted'"):
            self._rows("ALTER TABLE item ADD COLUMN untrusted INTEGER NOT NULL DEFAULT 0")
        self._shelf = Shelf(base, "item", self._read)

    def put(
        self,
        namespace: str,
        key: str,
        value: Any,
        vector: list[float] | None,
        untrusted: bool = False,
    ) -> None:
        """Write an item in place of what stood there."""
        text = _json(key, value)
        with self._base:
            if vector is not None:
                self._fit(namespace, vector, settle=True)
            ((number,),) = self._rows(
                "INSERT INTO item (namespace, key, value, updated, untrusted)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (namespace, key) DO UPDATE SET"
                " value = excluded.value, updated = excluded.updated,"
                " untrusted = excluded.untrusted RETURNING id",
                namespace, key, text, self._now(), untrusted,
            )  # fmt: skip
            words = _words(key, value) if self._shelf.searched(namespace) else ""
            self._shelf.add(namespace, number, words, vector)

    def get(self, namespace: str, key: str) -> Item | None:
        """Return an item."""
        _check(key)
        found = self._rows(f"{_ROW} WHERE namespace = ? AND key = ?", namespace, key)
        return item(found[0]) if found else None

    def delete(self, namespace: str, key: str) -> bool:
        """Take an item out; return whether there was one."""
        _check(key)
        with self._base:
            found = self._rows(
                "DELETE FROM item WHERE namespace = ? AND key = ? RETURNING id", namespace, key
            )
            if found:
                self._shelf.remove(namespace, found[0][0])
        return bool(found)

    def ls(self, namespaces: list[str], prefix: str, limit: int) -> list[Item]:
        """Return the items whose keys start with a text, by key; of two with one key, that of the
        namespace that is named first."""
        _encodable(prefix)
        found: dict[str, Row] = {}
        for namespace in namespaces:
            # In the order of keys, those with the prefix stand together and come first.
            with closing(
                self._base.execute(
                    f"{_ROW} WHERE namespace = ? AND key >= ? ORDER BY key LIMIT ?",
                    (namespace, prefix, limit),
                )
            ) as drawn:
                for row in _bounded(takewhile(lambda row: row[0].startswith(prefix), drawn)):
                    found.setdefault(row[0], row)
        first = [found[key] for key in sorted(found)[:limit]]
        return [item(row) for row in _bounded(first)]

    def keys(self, namespaces: list[str], prefix: str, limit: int) -> tuple[list[str], bool]:
        """Return the keys that start with a text, sorted, and whether any of them is marked."""
        _encodable(prefix)
        found: dict[str, bool] = {}
        for namespace in namespaces:
            for key, untrusted in self._rows(
                "SELECT key, untrusted FROM item WHERE namespace = ? AND key >= ?"
                " ORDER BY key LIMIT ?",
                namespace, prefix, limit,
            ):  # fmt: skip
                if not key.startswith(prefix):
                    break
                found.setdefault(key, bool(untrusted))
        first = sorted(found)[:limit]
        return first, any(found[key] for key in first)

    def rank(self, namespace: str, query: str, vector: list[float] | None, limit: int) -> Ranking:
        """Return the numbers of the items that match best, by words, by nearness, or both fused."""
        if vector is None:
            return self._shelf.by_words(namespace, query, limit)
        self._fit(namespace, vector)
        if not query:
            return self._shelf.by_vector(namespace, vector, limit)
        return self._shelf.search(namespace, query, limit, vector)

    def hits(self, ranking: Ranking) -> list[Hit]:
        """Return what was ranked, with the values."""
        found = (
            (*row, score)
            for number, score in ranking
            for row in self._rows(f"{_ROW} WHERE id = ?", number)
        )
        return [
            Hit(key=key, value=json.loads(value), updated=at, untrusted=bool(marked), score=score)
            for key, value, at, marked, score in _bounded(found)
        ]

    def _fit(self, namespace: str, vector: list[float], settle: bool = False) -> None:
        """Refuse a vector of another length than those of its namespace."""
        found = self._rows("SELECT length FROM width WHERE namespace = ?", namespace)
        if found and found[0][0] != len(vector):
            raise InvalidArgument(
                f"a vector of {len(vector)} numbers; those here have {found[0][0]}"
            )
        if not found and settle:
            self._rows("INSERT INTO width VALUES (?, ?)", namespace, len(vector))

    def _read(self, place: str, numbers: list[int] | None) -> Iterator[tuple[int, str]]:
        drawn: Iterable[Any] = (
            self._base.execute("SELECT id, key, value FROM item WHERE namespace = ?", (place,))
            if numbers is None
            else (
                row
                for number in numbers
                for row in self._rows("SELECT id, key, value FROM item WHERE id = ?", number)
            )
        )
        return ((number, _words(key, json.loads(value))) for number, key, value in drawn)


def item(row: Row) -> Item:
    """Return an item as callers see it."""
    return Item(key=row[0], value=json.loads(row[1]), updated=row[2], untrusted=bool(row[3]))


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


def _bounded(found: Iterable[Any]) -> Iterator[Any]:
    """Yield rows of key and value, as long as they fit into an answer together.

    It is asked before values are made of JSON's text, since those take many times its room.
    """
    total = 0
    for row in found:
        total += len(row[0].encode()) + len(row[1].encode()) + ITEM
        if total > ANSWER:
            raise TooBig(f"the items have more than {ANSWER} bytes together; ask for fewer")
        yield row
