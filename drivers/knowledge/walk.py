"""Walks along facts, either way, from thing to thing; values end a walk.

Interface:
    paths           the shortest chains between two things
    neighbourhood   what is known around a thing
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ...syscalls.errors import NotFound, TooBig
from ...syscalls.knowledge import Fact, Graph
from . import facts
from .database import Database
from .facts import holding
from .terms import named

#: Facts that a walk may look at.
MOST = 200_000
#: A fact's number, the thing that it was reached from and the one that it leads to.
Step = tuple[int, int, int]


def paths(
    base: Database, scope: int, start: str, end: str, most: int, as_of: str | None, limit: int
) -> list[list[Fact]]:
    """Return the chains of least facts, `most` of them at most, that join two things.

    Facts that say the same count once. Raises `NotFound` for an unknown thing, and `TooBig`.
    """
    near = _Side(base, as_of, _things(base, scope, start))
    far = _Side(base, as_of, _things(base, scope, end))
    with base.bounded():
        while not (met := near.edge.keys() & far.edge.keys()):
            if near.depth + far.depth == most or not (near.edge and far.edge):
                return []
            (near if len(near.edge) <= len(far.edge) else far).widen()
            if near.looked + far.looked > MOST:
                raise TooBig(f"more than {MOST} facts lie between {start!r} and {end!r}")
    if near.depth + far.depth == 0:
        return []
    chains: list[list[int]] = []
    for middle in sorted(met):
        for left in near.back(middle):
            for right in far.back(middle):
                if len(chains) == limit:
                    return _read(base, chains)
                chains.append([*reversed(left), *right])
    return _read(base, chains)


def neighbourhood(
    base: Database, scope: int, thing: str, depth: int, as_of: str | None, limit: int
) -> Graph:
    """Return the facts within so many steps of a thing, the nearest first. Raises `NotFound`."""
    edge = _things(base, scope, thing)
    seen, found = set(edge), dict[int, None]()
    truncated = False
    with base.bounded():
        for _ in range(depth):
            fresh: set[int] = set()
            for number, one, other, is_thing in _around(base, edge, as_of):
                if number not in found:
                    if len(found) == limit:
                        truncated = True
                        break
                    found[number] = None
                fresh |= {one, other} if is_thing else {one}
            edge = fresh - seen
            seen |= fresh
            if truncated or not edge:
                break
    kept = facts.read(base, list(found))
    names = dict.fromkeys(_names(base, _things(base, scope, thing)))
    for fact in kept:
        names[fact.subject] = None
        if fact.thing:
            names[str(fact.object)] = None
    return Graph(things=list(names), facts=kept, truncated=truncated)


class _Side:
    """What is reached from one end, layer by layer."""

    def __init__(self, base: Database, as_of: str | None, things: set[int]) -> None:
        self._base, self._as_of = base, as_of
        #: The outermost layer: a thing to the steps by which it was reached.
        self.edge: dict[int, list[Step]] = {thing: [] for thing in things}
        self._layers = [self.edge]
        self._seen = set(things)
        self.looked = 0

    @property
    def depth(self) -> int:
        """How many facts the outermost layer is away."""
        return len(self._layers) - 1

    def widen(self) -> None:
        """Go one fact further."""
        reached: dict[int, list[Step]] = {}
        same: set[tuple[int, int, int]] = set()
        for number, key, here, there in _steps(self._base, self.edge, self._as_of):
            self.looked += 1
            if there not in self._seen and key not in same:
                same.add(key)
                reached.setdefault(there, []).append((number, here, there))
            if self.looked > MOST:
                break
        self._seen |= reached.keys()
        self.edge = reached
        self._layers.append(reached)

    def back(self, thing: int, depth: int | None = None) -> Iterator[list[int]]:
        """Yield the chains of facts from a thing of the outermost layer to this side's end."""
        depth = self.depth if depth is None else depth
        if depth == 0:
            yield []
            return
        for number, here, _ in self._layers[depth][thing]:
            for rest in self.back(here, depth - 1):
                yield [number, *rest]


def _steps(
    base: Database, things: Iterable[int], as_of: str | None
) -> Iterator[tuple[int, tuple[int, int, int], int, int]]:
    """Yield facts that lead from some things to things: number, triple, from and to.

    Of several that say the same, one that no stranger has said comes first.
    """
    holds, moments = holding(as_of)
    wanted = json.dumps(sorted(things))
    for here, there in (("subject", "object"), ("object", "subject")):
        yield from (
            (number, triple, triple[0] if here == "subject" else triple[2],
             triple[2] if here == "subject" else triple[0])
            for number, *parts in base.connection.execute(
                "SELECT fact.id, subject, relation, object FROM fact"
                f" JOIN term ON term.id = {there} AND term.kind = 'thing'"
                f" WHERE {here} IN (SELECT value FROM json_each(?)) AND {holds}"
                " ORDER BY untrusted, fact.id",
                (wanted, *moments),
            )
            for triple in (tuple(parts),)
        )  # fmt: skip


def _around(
    base: Database, things: set[int], as_of: str | None
) -> list[tuple[int, int, int, bool]]:
    """Return the facts that touch some things: number, both ends, whether the object is a thing."""
    holds, moments = holding(as_of)
    wanted = json.dumps(sorted(things))
    return base.rows(
        "SELECT fact.id, subject, object, term.kind = 'thing' FROM fact"
        " JOIN term ON term.id = object WHERE fact.id IN ("
        " SELECT id FROM fact WHERE subject IN (SELECT value FROM json_each(?1))"
        " UNION SELECT id FROM fact WHERE object IN (SELECT value FROM json_each(?1)))"
        f" AND {holds.replace('?', '?2')} ORDER BY fact.id LIMIT {MOST}",
        wanted, *moments[:1],
    )  # fmt: skip


def _things(base: Database, scope: int, name: str) -> set[int]:
    """Return the things that a name means and of which facts speak. Raises `NotFound`."""
    meant = named(base, scope, name, "thing")
    known = base.rows(
        "SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM fact WHERE subject = value)"
        " OR EXISTS (SELECT 1 FROM fact WHERE object = value)",
        json.dumps(meant),
    )  # fmt: skip
    if not known:
        raise NotFound(f"nothing is known of {name!r}")
    return {number for (number,) in known}


def _names(base: Database, things: set[int]) -> list[str]:
    rows = base.rows(
        "SELECT value FROM term WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        json.dumps(sorted(things)),
    )
    return [name for (name,) in rows]


def _read(base: Database, chains: list[list[int]]) -> list[list[Fact]]:
    read = iter(facts.read(base, [number for chain in chains for number in chain]))
    return [[next(read) for _ in chain] for chain in chains]
