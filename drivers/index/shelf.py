"""Pieces of text by their words and their meaning, in the file of whoever owns the texts.

A piece has a place, which nothing is ever seen from outside of, and a number in it. The owner
holds the connection (see `file.open_file`), calls on one thread, and makes its own transactions:
`with base:` around its rows and the shelf's, so that both are written or neither. A text that
changes gets its vector with it, or a new number.

Interface:
    Shelf           `add`, `remove`, `drop`; `by_words`, `by_vector`, `like`, `search`;
                    `lacking`, `renew`

    shelf = Shelf(base, "passage", read)        # read(place, numbers or None) yields (number, text)
    with base:
        shelf.add(place, number, text, vector, model)
    shelf.search(place, query, 10, vector, model)   # [(number, score), …], the best first
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import apsw

from .fusion import blend
from .vectors import Vector, Vectors
from .words import Ranking, Reader, Words

#: How deep the rankings are that are fused: a piece may come first that is first in neither.
DEPTH = 100


class Shelf:
    """An index under a name of its own, so that a file may hold several. Blocking, one thread."""

    def __init__(self, base: apsw.Connection, name: str, read: Reader) -> None:
        self._read = read
        self._words = Words(base, name, read)
        self._vectors = Vectors(base, name)
        self._base = base

    def add(
        self, place: str, number: int, text: str, vector: Vector | None = None, model: str = ""
    ) -> None:
        """Index a piece, in place of what had its number.

        `vector` was made of it by the model of that name; without one, it is found by words until
        `renew` gives it one. Raises `InvalidArgument` for a vector without a direction.
        """
        if vector is None:
            self._vectors.expect(place, number)
        else:
            self._vectors.enter(place, number, vector, model)
        self._words.enter(place, number, text)

    def searched(self, place: str) -> bool:
        """Whether a place was ever searched by words; until then `add` looks at no text."""
        return self._words.made(place)

    def remove(self, place: str, number: int) -> None:
        """A piece is there no more."""
        self._words.leave(place, number)
        self._vectors.leave(place, number)

    def drop(self, place: str) -> None:
        """A place is there no more, with all that was in it."""
        self._words.drop(place)
        self._vectors.drop(place)

    def by_words(self, place: str, query: str, limit: int) -> Ranking:
        """Return the pieces that hold words of a query, the best first (BM25)."""
        return self._words.rank(place, query, limit)

    def by_vector(self, place: str, vector: Vector, limit: int, model: str = "") -> Ranking:
        """Return the nearest pieces, by cosine, of those that the same model has embedded."""
        return self._vectors.rank(place, vector, model, limit)

    def like(self, place: str, number: int, limit: int) -> Ranking:
        """Return the pieces that are nearest to a piece, itself among them; none where it has no
        vector yet."""
        return self._vectors.like(place, number, limit)

    def search(
        self, place: str, query: str, limit: int, vector: Vector | None = None, model: str = ""
    ) -> Ranking:
        """Return what matches best by words and by nearness, fused; by words without a vector."""
        if vector is None:
            return self.by_words(place, query, limit)
        depth = max(limit, DEPTH)
        words, worth = self._words.weighed(place, query, depth)
        near = self.by_vector(place, vector, depth, model)
        # The last one of many is no nearer than any piece; of a few, all may be near.
        far = near[-1][1] if len(near) == depth else min([0.0, *(score for _, score in near)])
        return blend(words, worth, near, far, limit)

    def lacking(self, model: str, limit: int) -> list[tuple[str, int, str]]:
        """Return pieces without a vector of a model: place, number, text."""
        found = []
        for place, group in groupby(
            sorted(self._vectors.lacking(model, limit)), lambda one: one[0]
        ):
            numbers = [number for _, number in group]
            texts = dict(self._read(place, numbers))
            found += [(place, number, texts.get(number, "")) for number in numbers]
        return found

    def renew(self, model: str, vectors: Iterable[tuple[str, int, Vector]]) -> None:
        """Give pieces the vectors that a model has made of them; those that have gone get none."""
        with self._base:
            for place, number, vector in vectors:
                if self._vectors.knows(place, number):
                    self._vectors.enter(place, number, vector, model)
