"""Episodic and semantic memory: pieces of text in the memory driver's file.

A namespace is a place of the shelf, with both tiers in it. A piece's strength halves with time
since it was last touched, is raised when it is recalled, and decides what is forgotten.

Interface:
    Pieces          `write`, `learn`, `recall`, `newest`, `fresh`, `decay`, `forget`, `nearest`;
                    blocking, one thread
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import apsw

from ...syscalls.memory import Recollection, Tier
from ..index.embedder import Embedded
from ..index.file import rows
from ..index.shelf import Shelf
from ..index.words import Ranking
from .draft import Draft
from .recollection import recollections
from .statement import Statement, digest
from .strength import left, raised

TIERS: tuple[Tier, ...] = ("semantic", "episodic")
#: How deep it is looked for pieces, and how deep for those of one tier among those of both.
DEPTH, DEEPEST = 100, 10_000
#: What recency counts, where the best match by words and nearness counts 1, and the seconds in
#: which that halves.
RECENCY, RECENT = 0.05, 7 * 86400.0
#: The cosine of two pieces that say the same.
NEAR = 0.95
_SCHEMA = """
CREATE TABLE IF NOT EXISTS piece (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    tier TEXT NOT NULL,
    text TEXT NOT NULL,
    digest BLOB NOT NULL,
    written REAL NOT NULL,
    recalled REAL,
    importance REAL NOT NULL,
    -- At the moment `touched`.
    strength REAL NOT NULL,
    touched REAL NOT NULL,
    source TEXT NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    episodes TEXT NOT NULL DEFAULT '[]',
    untrusted INTEGER NOT NULL,
    -- The piece that was recalled and stored again as this one.
    echo INTEGER,
    -- Of an episode: whether it was looked at to learn from it.
    learned INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace, tier, digest)
);
CREATE INDEX IF NOT EXISTS piece_fresh ON piece (namespace, tier, learned, id);
CREATE INDEX IF NOT EXISTS piece_newest ON piece (namespace, written, id);
"""


class Pieces:
    """All pieces. Not thread-safe: the connection's thread alone uses it."""

    def __init__(self, base: apsw.Connection, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._base = base
        self._rows = partial(rows, base)
        self._rows(_SCHEMA)
        self.shelf = Shelf(base, "piece", self._read)

    def write(
        self, namespace: str, drafts: Sequence[Draft], embedded: Embedded | None = None
    ) -> list[tuple[Recollection, bool]]:
        """Write pieces, all or none; return each as it is now, and whether it is new.

        `embedded` holds one vector for each draft.
        """
        vectors = embedded.vectors if embedded else [None] * len(drafts)
        model = embedded.model if embedded else ""
        with self._base:
            written = [
                self._write(namespace, draft, vector, model)
                for draft, vector in zip(drafts, vectors, strict=True)
            ]
        return written

    def known(self, namespace: str, tier: Tier, text: str) -> bool:
        """Whether a text stands there already."""
        return bool(
            self._rows(
                "SELECT 1 FROM piece WHERE namespace = ? AND tier = ? AND digest = ?",
                namespace, tier, digest(text),
            )
        )  # fmt: skip

    def recall(
        self,
        namespaces: Iterable[str],
        tiers: Sequence[Tier],
        query: str,
        limit: int,
        embedded: Embedded | None = None,
    ) -> list[Recollection]:
        """Return the pieces of several places that match best, by words, meaning and recency."""
        vector = embedded.vectors[0] if embedded else None
        model = embedded.model if embedded else ""
        found: list[tuple[int, float]] = []
        for place in namespaces:
            search = partial(self.shelf.search, place, query, vector=vector, model=model)
            found += self._of(tiers, search, limit)
        best, now = max((score for _, score in found), default=0.0) or 1.0, self._now()
        scored = [
            (number, score / best + RECENCY * left(1.0, now - self._touched(number), RECENT))
            for number, score in found
        ]
        scored.sort(key=lambda one: (-one[1], -one[0]))
        return self._recollections(scored[:limit])

    def newest(
        self, namespaces: Iterable[str], tiers: Sequence[Tier], limit: int
    ) -> list[Recollection]:
        """Return what was written last in several places."""
        found: list[tuple[int, float]] = []
        for namespace in namespaces:
            found += self._rows(
                "SELECT id, written FROM piece WHERE namespace = ?"
                " AND tier IN (SELECT value FROM json_each(?))"
                " ORDER BY written DESC, id DESC LIMIT ?",
                namespace, json.dumps(tiers), limit,
            )  # fmt: skip
        found.sort(key=lambda one: (-one[1], -one[0]))
        return self._recollections((number, 0.0) for number, _ in found[:limit])

    def strengthen(self, namespaces: Iterable[str], numbers: Iterable[int]) -> None:
        """Pieces were recalled; those outside of some namespaces stay as they are."""
        now = self._now()
        with self._base:
            for number in numbers:
                self._rows(
                    "UPDATE piece SET recalled = ?1, touched = ?1, strength = ?2 WHERE id = ?3"
                    " AND namespace IN (SELECT value FROM json_each(?4))",
                    now, self._raised(number, now), number, json.dumps(list(namespaces)),
                )  # fmt: skip

    def fresh(self, namespace: str, after: int, limit: int) -> list[Recollection]:
        """Return episodes that nothing was learned from yet, the oldest first, past a number."""
        found = self._rows(
            "SELECT id FROM piece WHERE namespace = ? AND tier = 'episodic' AND learned = 0"
            " AND id > ? ORDER BY id LIMIT ?",
            namespace, after, limit,
        )  # fmt: skip
        return self._recollections((number, 0.0) for (number,) in found)

    def learn(
        self,
        namespace: str,
        drafts: Sequence[Draft],
        seen: Iterable[int],
        embedded: Embedded | None = None,
    ) -> list[bool]:
        """Write what was learned from the episodes `seen`, all or nothing; return what is new.

        What says the same as a piece that stands there strengthens that one, which then rests on
        the new episodes as well.
        """
        vectors = embedded.vectors if embedded else [None] * len(drafts)
        model = embedded.model if embedded else ""
        fresh = []
        with self._base:
            for draft, vector in zip(drafts, vectors, strict=True):
                same = self._same(namespace, draft.text, vector, model)
                if same is None:
                    fresh.append(self._write(namespace, draft, vector, model)[1])
                else:
                    self._again(same, draft)
                    fresh.append(False)
            for number in seen:
                self._rows("UPDATE piece SET learned = 1 WHERE id = ?", number)
        return fresh

    def decay(self, namespace: str, half_life: float, below: float) -> int:
        """Forget what has become weaker than `below`; return how many."""
        now = self._now()
        with self._base:
            weak = [
                number
                for number, strength, touched in self._rows(
                    "SELECT id, strength, touched FROM piece WHERE namespace = ?", namespace
                )
                if left(strength, now - touched, half_life) < below
            ]
            count = self._forget(namespace, weak)
        return count

    def forget(self, namespace: str, numbers: Iterable[int]) -> int:
        """Forget pieces for good; return how many there were."""
        with self._base:
            count = self._forget(namespace, numbers)
        return count

    def all(self, namespace: str, limit: int) -> tuple[list[Recollection], dict[int, int]]:
        """Return the newest pieces of both tiers, and which of them echo which."""
        found = self._rows(
            "SELECT id, echo FROM piece WHERE namespace = ? ORDER BY written DESC, id DESC LIMIT ?",
            namespace, limit,
        )  # fmt: skip
        echoes = {number: echo for number, echo in found if echo is not None}
        return self._recollections((number, 0.0) for number, _ in found), echoes

    def nearest(self, namespace: str, number: int, limit: int) -> list[int]:
        """Return the pieces that say the same as one of them, by their vectors."""
        found = self.shelf.like(namespace, number, limit)
        return [other for other, score in found if score >= NEAR and other != number]

    def _write(
        self, namespace: str, draft: Draft, vector: list[float] | None, model: str
    ) -> tuple[Recollection, bool]:
        found = self._rows(
            "SELECT id FROM piece WHERE namespace = ? AND tier = ? AND digest = ?",
            namespace, draft.tier, digest(draft.text),
        )  # fmt: skip
        if found:
            number = int(found[0][0])
            self._again(number, draft)
        else:
            number = self._insert(namespace, draft)
            self.shelf.add(namespace, number, draft.text, vector, model)
        return self._recollections([(number, 0.0)])[0], not found

    def _insert(self, namespace: str, draft: Draft) -> int:
        at = self._now() if draft.at is None else draft.at
        ((number,),) = self._rows(
            "INSERT INTO piece (namespace, tier, text, digest, written, importance, strength,"
            " touched, source, times, episodes, untrusted, echo)"
            " VALUES (?, ?, ?, ?, ?5, ?6, ?6, ?5, ?, ?, ?, ?, ?) RETURNING id",
            namespace, draft.tier, draft.text, digest(draft.text), at, draft.importance,
            draft.source, draft.times, json.dumps(draft.episodes), draft.untrusted, draft.echo,
        )  # fmt: skip
        return int(number)

    def _again(self, number: int, draft: Draft) -> None:
        """A piece was written again. What its writer knew from the piece itself adds nothing."""
        if draft.echo == number:
            return
        now = self._now()
        ((known, times),) = self._rows("SELECT episodes, times FROM piece WHERE id = ?", number)
        episodes = set(json.loads(known))
        # What the same episodes have taught already is not counted twice.
        counted = bool(draft.episodes) and episodes.issuperset(draft.episodes)
        self._rows(
            "UPDATE piece SET times = ?, importance = max(importance, ?), strength = ?,"
            " touched = ?, episodes = ?, learned = 0 WHERE id = ?",
            max(times, draft.times) if counted else times + draft.times, draft.importance,
            max(self._raised(number, now), draft.importance), now,
            json.dumps(sorted(episodes.union(draft.episodes))), number,
        )  # fmt: skip

    def _same(
        self, namespace: str, text: str, vector: list[float] | None, model: str
    ) -> int | None:
        """Return the semantic piece that says what a text says."""
        statement = Statement.of(text)
        near: Ranking = []
        if vector is not None:
            rank = partial(self.shelf.by_vector, namespace, vector, model=model)
            near = self._of(["semantic"], rank, 3)
        words = self._of(["semantic"], partial(self.shelf.by_words, namespace, text), 5)
        close = {number for number, score in near if score >= NEAR}
        for number in [*sorted(close), *(number for number, _ in words)]:
            ((other,),) = self._rows("SELECT text FROM piece WHERE id = ?", number)
            said = Statement.of(other)
            if statement.agrees(said) and (number in close or statement.alike(said)):
                return number
        return None

    def _forget(self, namespace: str, numbers: Iterable[int]) -> int:
        count = 0
        for number in numbers:
            for (gone,) in self._rows(
                "DELETE FROM piece WHERE id = ? AND namespace = ? RETURNING id", number, namespace
            ):
                self.shelf.remove(namespace, gone)
                count += 1
        return count

    def _raised(self, number: int, now: float) -> float:
        """Return a piece's strength after it was touched once more."""
        found = self._rows("SELECT strength, touched FROM piece WHERE id = ?", number)
        if not found:
            return 0.0
        return raised(found[0][0], now - found[0][1])

    def _touched(self, number: int) -> float:
        ((touched,),) = self._rows("SELECT touched FROM piece WHERE id = ?", number)
        return float(touched)

    def _recollections(self, ranking: Iterable[tuple[int, float]]) -> list[Recollection]:
        return recollections(self._base, ranking, self._now())

    def _of(self, tiers: Sequence[Tier], rank: Callable[[int], Ranking], least: int) -> Ranking:
        """Return a ranking's pieces of some tiers, looking deeper while they are too few."""
        depth = DEPTH
        while True:
            ranking = rank(depth)
            found = [
                one
                for one in ranking
                if len(tiers) == len(TIERS)
                or self._rows("SELECT tier FROM piece WHERE id = ?", one[0])[0][0] in tiers
            ]
            if len(found) >= least or len(ranking) < depth or depth >= DEEPEST:
                return found
            depth *= 10

    def _read(self, place: str, numbers: list[int] | None) -> Iterator[tuple[int, str]]:
        if numbers is None:
            yield from self._base.execute(
                "SELECT id, text FROM piece WHERE namespace = ?", (place,)
            )
        for number in numbers or ():
            yield from self._rows("SELECT id, text FROM piece WHERE id = ?", number)
