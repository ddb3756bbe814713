"""Chains and neighbourhoods: on random graphs what networkx finds."""

from __future__ import annotations

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.knowledge import walk
from llmagentos.syscalls.errors import NotFound, TooBig
from llmagentos.syscalls.knowledge import Claim, Fact

from .graphs import NAMES, Edge, Lasting, base_of, edges, graph_of, lasting, told


def triple(fact: Fact) -> Edge:
    return fact.subject, fact.relation, str(fact.object)


def chains(graph: networkx.MultiDiGraph, start: str, end: str, most: int) -> list[list[Edge]]:
    """Return the shortest chains by networkx: the ways between two nodes, each edge of each."""
    either = networkx.MultiGraph()
    either.add_nodes_from(graph)
    for subject, object, relation in graph.edges(keys=True):
        either.add_edge(subject, object, key=(subject, relation, object))
    if start == end or not networkx.has_path(either, start, end):
        return []
    length = networkx.shortest_path_length(either, start, end)
    if length > most:
        return []
    ways = networkx.all_simple_edge_paths(either, start, end, cutoff=length)
    return sorted([key for _, _, key in way] for way in ways)


@given(edges, st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 5))
def test_paths_are_the_shortest_ones_of_networkx(
    found: list[Edge], start: str, end: str, most: int
) -> None:
    graph = graph_of(found)
    base, scope = base_of(told(found))
    if not {start, end} <= set(graph):
        with pytest.raises(NotFound):
            walk.paths(base, scope, start, end, most, None, 1000)
        return
    ours = walk.paths(base, scope, start, end, most, None, 1000)
    assert sorted([triple(fact) for fact in chain] for chain in ours) == chains(
        graph, start, end, most
    )


@given(edges, st.sampled_from(NAMES), st.integers(1, 4))
def test_a_neighbourhood_is_the_ego_graph_of_networkx(
    found: list[Edge], thing: str, depth: int
) -> None:
    graph = graph_of(found)
    base, scope = base_of(told(found))
    if thing not in graph:
        with pytest.raises(NotFound):
            walk.neighbourhood(base, scope, thing, depth, None, 1000)
        return
    ours = walk.neighbourhood(base, scope, thing, depth, None, 1000)
    # The facts within so many steps are those that touch a thing that is one step less away.
    inner = networkx.ego_graph(graph.to_undirected(), thing, radius=depth - 1)
    assert {triple(fact) for fact in ours.facts} == {
        edge for edge in found if edge[0] in inner or edge[2] in inner
    }
    assert ours.things[0] == thing and not ours.truncated
    assert set(ours.things) == {
        name
        for edge in found
        if edge[0] in inner or edge[2] in inner
        for name in (edge[0], edge[2])
    }


@given(lasting, st.integers(1999, 2010))
def test_as_of_a_year_only_what_lasts_in_it_is_walked(graph: list[Lasting], year: int) -> None:
    base, scope = base_of(
        [
            Claim(
                subject=one.edge[0], relation=one.edge[1], object=one.edge[2],
                since=str(one.since) if one.since else None,
                until=str(one.until) if one.until else None,
            )
            for one in graph
        ]
    )  # fmt: skip
    then = graph_of(list(dict.fromkeys(one.edge for one in graph if one.holds(year))))
    start, end = graph[0].edge[0], graph[-1].edge[2]
    ours = walk.paths(base, scope, start, end, 6, f"{year}-06", 1000)
    then.add_nodes_from([start, end])
    expected = chains(then, start, end, 6)
    assert sorted([triple(fact) for fact in chain] for chain in ours) == expected


def test_values_lead_nowhere_and_sources_that_agree_count_once() -> None:
    claims = [
        Claim(subject="ann", relation="age", object=41),
        Claim(subject="bo", relation="age", object=41),
        Claim(subject="ann", relation="knows", object="cy"),
        Claim(subject="ann", relation="knows", object="cy", source="cv.pdf"),
        Claim(subject="bo", relation="knows", object="cy"),
    ]
    base, scope = base_of(claims)
    (chain,) = walk.paths(base, scope, "ann", "bo", 4, None, 10)
    assert [triple(fact) for fact in chain] == [("ann", "knows", "cy"), ("bo", "knows", "cy")]
    around = walk.neighbourhood(base, scope, "ann", 1, None, 10)
    assert around.things == ["ann", "cy"] and len(around.facts) == 3


def test_a_neighbourhood_of_many_is_cut_and_says_so() -> None:
    base, scope = base_of(told([("ann", "knows", f"p{n}") for n in range(50)]))
    around = walk.neighbourhood(base, scope, "ann", 2, None, 20)
    assert len(around.facts) == 20 and around.truncated


def test_a_name_is_found_whatever_its_case() -> None:
    base, scope = base_of(told([("Ann_Berg", "knows", "Bo")]))
    assert walk.neighbourhood(base, scope, "ann berg", 1, None, 10).things == ["Ann_Berg", "Bo"]


def test_a_walk_among_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MOST", 30)
    hub = [("hub", "knows", f"p{n}") for n in range(50)]
    base, scope = base_of(told([("ann", "knows", "hub"), *hub, ("p0", "likes", "zoe")]))
    with pytest.raises(TooBig, match="more than 30 facts"):
        walk.paths(base, scope, "ann", "zoe", 6, None, 10)
