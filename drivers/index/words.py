"""Pieces by their words: FTS5 with BM25, an index for each place.

What one place holds changes no score in another: statistics in common would tell what others store.
An index is made when a place is first searched, and kept from then on.

Interface:
    Words           `enter`, `leave`, `drop`, `rank`, `weighed`; blocking, one thread
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate

import apsw

from .file import rows

#: Numbers with scores, the best first.
Ranking = list[tuple[int, float]]
#: The words of a place's pieces, or of those with some numbers, by number.
Reader = Callable[[str, list[int] | None], Iterable[tuple[int, str]]]
#: Words of a query that are looked for, and characters in which they are looked for.
MOST, READ = 64, 10_000
#: Rows that are ranked at most, and rows that are counted for the weight of other words; a row
#: takes about a microsecond and a tenth of one.
RANKED, COUNTED = 12_000, 60_000
#: Words as they stand, and as they are indexed: their stems (Porter 1980).
_PLAIN, _STEMS = ("unicode61", ()), ("porter", ("unicode61",))


class Words:
    """An index of words for each place of a shelf."""

    def __init__(self, base: apsw.Connection, name: str, read: Reader) -> None:
        self._base = base
        self._rows = partial(rows, base)
        self._name = f"{name}_words"
        self._read = read
        self._rows(
            f"CREATE TABLE IF NOT EXISTS {self._name} (place TEXT PRIMARY KEY, number INTEGER)"
        )
        self._plain, self._stems = (
            base.fts5_tokenizer(name, list(rest)) for name, rest in (_PLAIN, _STEMS)
        )

    def made(self, place: str) -> bool:
        """Whether a place has its index, and `enter` reads texts."""
        return self._index(place) is not None

    def enter(self, place: str, number: int, text: str) -> None:
        """Index a piece, in place of what had its number."""
        if (index := self._index(place)) is not None:
            self._rows(f"DELETE FROM {index} WHERE rowid = ?", number)
            self._insert(index, [(number, text)])

    def leave(self, place: str, number: int) -> None:
        """A piece is there no more."""
        if (index := self._index(place)) is not None:
            self._rows(f"DELETE FROM {index} WHERE rowid = ?", number)

    def drop(self, place: str) -> None:
        """Give a place's index up; it is made anew when the place is searched."""
        if (index := self._index(place)) is not None:
            self._rows(f"DROP TABLE {index}_vocabulary; DROP TABLE {index}")
            self._rows(f"DELETE FROM {self._name} WHERE place = ?", place)

    def rank(self, place: str, query: str, limit: int) -> Ranking:
        """Return the pieces with words of a query, the best first (BM25), the newest of equals.

        In a large place the rarest words choose the pieces, and the others only weigh: those that
        nearly every piece has say nothing, and take all the time.
        """
        return self.weighed(place, query, limit)[0]

    def weighed(self, place: str, query: str, limit: int) -> tuple[Ranking, float]:
        """Return the same, and about what a piece would score that has all words of the query.

        In a piece of the usual length, a word that it holds once scores log(rest / holders), and
        one that no piece holds would score most.
        """
        tokens = self._tokens(query)
        if not tokens:
            return [], 0.0
        index = self._index(place) or self._make(place)
        found = [(self._count(index, token), token) for token in tokens]
        match, oldest = self._match(index, found)
        if not match:
            return [], 0.0
        ranking = self._rows(
            f"SELECT rowid, -rank FROM {index} WHERE {index} MATCH ? AND rowid >= ?"
            " ORDER BY rank, rowid DESC LIMIT ?",
            match,
            oldest,
            limit,
        )
        ((total,),) = self._rows(f"SELECT count(*) FROM {index}_docsize")
        # As FTS5 weighs words, with its floor for those that more than half of the pieces hold.
        rarity = (math.log((total - count + 0.5) / (count + 0.5)) for count, _ in found)
        return ranking, math.fsum(max(one, 1e-6) for one in rarity)

    def _match(self, index: str, found: list[tuple[int, str]]) -> tuple[str, int]:
        """Return what is looked for, and the lowest number that is looked at, for words with the
        pieces that hold each."""
        counts, words = zip(*sorted(one for one in found if one[0]) or [(0, "")], strict=True)
        if not counts[0]:
            return "", 0
        ranked = max(1, sum(total <= RANKED for total in accumulate(counts)))
        choice = _either(words[:ranked])
        weighing = sum(total <= COUNTED for total in accumulate(counts))
        if weighing > ranked:
            choice = f"({choice}) AND ({_either(words[:weighing])})"
        return choice, self._oldest(index) if counts[0] > RANKED else -(2**63)

    def _oldest(self, index: str) -> int:
        """Of a word that very many pieces have, the newest ones are looked at."""
        found = self._rows(
            f"SELECT id FROM {index}_docsize ORDER BY id DESC LIMIT 1 OFFSET ?", RANKED
        )
        return int(found[0][0]) if found else -(2**63)

    def _count(self, index: str, token: str) -> int:
        """Return how many pieces hold a word."""
        stems = self._cut(self._stems, token)
        found = self._rows(
            f"SELECT doc FROM {index}_vocabulary WHERE term = ?", stems[0] if stems else ""
        )
        return int(found[0][0]) if found else 0

    def _tokens(self, query: str) -> list[str]:
        """Return a query's words, each once, as the index would part them."""
        return list(dict.fromkeys(self._cut(self._plain, query[:READ])))[:MOST]

    def _cut(self, tokenizer: apsw.FTS5Tokenizer, text: str) -> list[str]:
        found = tokenizer(
            text.encode(errors="replace"),
            apsw.FTS5_TOKENIZE_QUERY,
            None,
            include_offsets=False,
            include_colocated=False,
        )
        return [str(one) for one in found]

    def _index(self, place: str) -> str | None:
        found = self._rows(f"SELECT number FROM {self._name} WHERE place = ?", place)
        return f"{self._name}_{found[0][0]}" if found else None

    def _make(self, place: str) -> str:
        with self._base:
            ((number,),) = self._rows(
                f"INSERT INTO {self._name} SELECT ?, 1 + coalesce(max(number), 0) FROM {self._name}"
                " RETURNING number",
                place,
            )
            index = f"{self._name}_{number}"
            # The texts are the owner's; the index holds none of its own.
            self._rows(
                f"CREATE VIRTUAL TABLE {index} USING fts5(text, content = '',"
                " contentless_delete = 1, tokenize = 'porter unicode61');"
                f"CREATE VIRTUAL TABLE {index}_vocabulary USING fts5vocab({index}, row)"
            )
            self._insert(index, self._read(place, None))
        return index

    def _insert(self, index: str, pieces: Iterable[tuple[int, str]]) -> None:
        self._base.executemany(f"INSERT INTO {index} (rowid, text) VALUES (?, ?)", pieces)


def _either(words: Iterable[str]) -> str:
    # Each word is quoted, so that nothing a person types is taken for FTS5's own syntax.
    return " OR ".join(f'"{word}"' for word in words)
