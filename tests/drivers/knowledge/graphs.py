"""Random graphs, as claims for the driver and as graphs of networkx."""

from __future__ import annotations

from dataclasses import dataclass

import apsw
import networkx
from hypothesis import strategies as st

from llmagentos.drivers.knowledge import facts
from llmagentos.drivers.knowledge.database import Database
from llmagentos.syscalls.knowledge import Claim

NAMES = ["ann", "bo", "cy", "di", "ed", "flo"]
RELATIONS = ["knows", "likes", "pays"]
Edge = tuple[str, str, str]

edges = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(RELATIONS), st.sampled_from(NAMES)),
    min_size=1,
    max_size=14,
    unique=True,
)


@dataclass(frozen=True, slots=True)
class Lasting:
    """An edge between two years; None is open."""

    edge: Edge
    since: int | None
    until: int | None

    def holds(self, year: int) -> bool:
        return (self.since or 0) <= year < (self.until or 9999)


def _ordered(pair: tuple[int | None, int | None]) -> bool:
    return pair[0] is None or pair[1] is None or pair[0] < pair[1]


years = st.one_of(st.none(), st.integers(2000, 2009))
lasting = st.lists(
    st.builds(
        lambda edge, span: Lasting(edge, *span), edges.map(lambda found: found[0]),
        st.tuples(years, years).filter(_ordered),
    ),
    min_size=1,
    max_size=14,
    unique=True,
)  # fmt: skip


def base_of(claims: list[Claim]) -> tuple[Database, int]:
    """Return a file in memory that holds claims, and their namespace."""
    base = Database(apsw.Connection(":memory:"))
    scope = base.scope("user/alice")
    facts.tell(base, scope, facts.checked_all(claims, "alice"))
    return base, scope


def told(found: list[Edge]) -> list[Claim]:
    return [Claim(subject=s, relation=r, object=o) for s, r, o in found]


def graph_of(found: list[Edge]) -> networkx.MultiDiGraph:
    graph = networkx.MultiDiGraph()
    for subject, relation, object in found:
        graph.add_edge(subject, object, key=relation)
    return graph
