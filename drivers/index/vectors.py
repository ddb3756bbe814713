"""Pieces by nearness of their vectors (`sqlite-vec`), each vector of the model that made it.

In a large place the signs of the numbers choose candidates by Hamming distance, which takes a
fifth of the time, and the vectors themselves rank those (binary codes with rescoring; Yamada,
Asai and Hajishirzi, ACL 2021).

Interface:
    Vector          numbers, of any length but zero
    Vectors         `expect`, `enter`, `leave`, `drop`, `lacking`; `rank`, `like`; blocking
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from functools import partial
from typing import Any

import apsw

from ...syscalls.errors import InvalidArgument
from .file import rows
from .words import Ranking

Vector = Sequence[float]
#: Numbers that are compared one by one; with more, signs choose first.
EXACT = 4_000_000
#: The shortest vectors whose signs say enough.
SHORTEST = 128
#: How many more are chosen than are wanted, and the fewest.
TIMES, FEWEST = 10, 1000


class Vectors:
    """The vectors of a shelf. A piece has one, or none yet."""

    def __init__(self, base: apsw.Connection, name: str) -> None:
        self._rows = partial(rows, base)
        self._models, self._signs, self._vectors = f"{name}_model", f"{name}_sign", f"{name}_vector"
        # Signs lie apart and close together: all those of a place are read for each query.
        self._rows(f"""
            CREATE TABLE IF NOT EXISTS {self._models} (
                id INTEGER PRIMARY KEY, name TEXT NOT NULL, length INTEGER NOT NULL,
                UNIQUE (name, length)
            );
            CREATE TABLE IF NOT EXISTS {self._signs} (
                place TEXT NOT NULL, number INTEGER NOT NULL, model INTEGER, signs BLOB,
                PRIMARY KEY (place, number)
            ) WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS {self._signs}_model ON {self._signs} (model);
            CREATE TABLE IF NOT EXISTS {self._vectors} (
                place TEXT NOT NULL, number INTEGER NOT NULL, vector BLOB NOT NULL,
                PRIMARY KEY (place, number)
            );
        """)

    def expect(self, place: str, number: int) -> None:
        """A piece is there that has no vector, or none any more."""
        self._rows(f"DELETE FROM {self._vectors} WHERE place = ? AND number = ?", place, number)
        self._rows(f"INSERT OR REPLACE INTO {self._signs} VALUES (?, ?, NULL, NULL)", place, number)

    def enter(self, place: str, number: int, vector: Vector, model: str) -> None:
        """Give a piece its vector. Raises `InvalidArgument` for one without a direction."""
        blob = _blob(vector)
        self._rows(
            f"INSERT OR REPLACE INTO {self._signs} VALUES (?, ?, ?, vec_quantize_binary(?))",
            place,
            number,
            self._model(model, len(vector), make=True),
            blob,
        )
        self._rows(f"INSERT OR REPLACE INTO {self._vectors} VALUES (?, ?, ?)", place, number, blob)

    def leave(self, place: str, number: int) -> None:
        """A piece is there no more."""
        for table in (self._signs, self._vectors):
            self._rows(f"DELETE FROM {table} WHERE place = ? AND number = ?", place, number)

    def drop(self, place: str) -> None:
        """A place is there no more."""
        for table in (self._signs, self._vectors):
            self._rows(f"DELETE FROM {table} WHERE place = ?", place)

    def knows(self, place: str, number: int) -> bool:
        """Whether a piece is there, with or without its vector."""
        return bool(
            self._rows(f"SELECT 1 FROM {self._signs} WHERE place = ? AND number = ?", place, number)
        )

    def lacking(self, model: str, limit: int) -> list[tuple[str, int]]:
        """Return pieces that have no vector of a model, by place and number."""
        found = self._rows(
            f"SELECT place, number FROM {self._signs} WHERE model IS NULL LIMIT ?", limit
        )
        if len(found) < limit:
            found += self._rows(
                f"SELECT place, number FROM {self._models} JOIN {self._signs} ON model = id"
                " WHERE name <> ? LIMIT ?",
                model,
                limit - len(found),
            )
        return found

    def rank(self, place: str, vector: Vector, model: str, limit: int) -> Ranking:
        """Return the nearest pieces by cosine, of those with a vector of the same model."""
        blob, known = _blob(vector), self._model(model, len(vector))
        return [] if known is None else self._nearest(place, blob, known, limit)

    def like(self, place: str, number: int, limit: int) -> Ranking:
        """Return the pieces that are nearest to a piece, itself among them."""
        found = self._rows(
            f"SELECT vector, model FROM {self._vectors} JOIN {self._signs} USING (place, number)"
            " WHERE place = ? AND number = ?",
            place,
            number,
        )
        return self._nearest(place, found[0][0], found[0][1], limit) if found else []

    def _nearest(self, place: str, blob: bytes, model: int, limit: int) -> Ranking:
        length = len(blob) // 4
        # The plus keeps SQLite from going through the index of models, which is no way to a place.
        chosen = f"SELECT number FROM {self._signs} WHERE place = ? AND +model = ?"
        values: tuple[Any, ...] = ()
        ((count,),) = self._rows(
            f"SELECT count(*) FROM (SELECT 1 FROM {self._signs} WHERE place = ? LIMIT ?)",
            place,
            1 + EXACT // length,
        )
        if count * length > EXACT and length >= SHORTEST:
            ((signs,),) = self._rows("SELECT vec_quantize_binary(?)", blob)
            chosen += " ORDER BY vec_distance_hamming(vec_bit(signs), vec_bit(?)) LIMIT ?"
            values = (signs, max(FEWEST, TIMES * limit))
        return self._rows(
            f"SELECT number, 1 - vec_distance_cosine(vector, ?) AS score FROM ({chosen})"
            f" CROSS JOIN {self._vectors} USING (number) WHERE {self._vectors}.place = ?"
            " ORDER BY score DESC, number LIMIT ?",
            blob,
            place,
            model,
            *values,
            place,
            limit,
        )

    def _model(self, name: str, length: int, make: bool = False) -> int | None:
        found = self._rows(
            f"SELECT id FROM {self._models} WHERE name = ? AND length = ?", name, length
        )
        if not found and make:
            found = self._rows(
                f"INSERT INTO {self._models} (name, length) VALUES (?, ?) RETURNING id",
                name,
                length,
            )
        return int(found[0][0]) if found else None


def _blob(vector: Vector) -> bytes:
    # Of length 1, it is within the range of the 32-bit numbers that it becomes; zeros at its end,
    # which change no angle, fill the last byte of its signs.
    norm = math.hypot(*vector)
    if not 0 < norm < math.inf:
        raise InvalidArgument("a vector has finite numbers, not all of them zero")
    padding = [0.0] * (-len(vector) % 8)
    return array("f", [number / norm for number in vector] + padding).tobytes()
