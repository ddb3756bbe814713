"""Patterns: on random graphs what networkx and a plain search find; values, times and bounds."""

from __future__ import annotations

from itertools import product
from typing import Any

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.knowledge import database, facts, matching
from llmagentos.drivers.knowledge.dates import moment
from llmagentos.drivers.knowledge.pattern import parse
from llmagentos.syscalls.errors import TooBig
from llmagentos.syscalls.knowledge import Claim

from .graphs import NAMES, RELATIONS, Edge, Lasting, base_of, edges, lasting, told

VARIABLES = ["?a", "?b", "?c", "?d"]
ends = st.sampled_from([*VARIABLES, *NAMES])
patterns = st.lists(
    st.tuples(ends, st.sampled_from(["?r", *RELATIONS]), ends), min_size=1, max_size=3
)


def found(claims: list[Claim], pattern: str, as_of: str | None = None) -> list[dict[str, Any]]:
    base, scope = base_of(claims)
    return [answer.values for answer in matching.ask(base, scope, parse(pattern), as_of, 100_000)]


def searched(graph: list[Edge], pattern: list[Edge]) -> list[dict[str, str]]:
    """Try every way to lay edges on the triples."""
    ways = []
    for choice in product(graph, repeat=len(pattern)):
        values: dict[str, str] = {}
        for term, value in (
            pair for triple, edge in zip(pattern, choice, strict=True)
            for pair in zip(triple, edge, strict=True)
        ):  # fmt: skip
            if values.setdefault(term, value) != value or (term[0] != "?" and term != value):
                break
        else:
            ways.append({term[1:]: value for term, value in values.items() if term[0] == "?"})
    return ways


def bag(ways: list[dict[str, Any]]) -> list[list[tuple[str, Any]]]:
    return sorted(sorted(way.items()) for way in ways)


@given(edges, patterns)
def test_a_pattern_holds_where_a_plain_search_finds_it(
    graph: list[Edge], pattern: list[Edge]
) -> None:
    text = " . ".join(" ".join(triple) for triple in pattern)
    assert bag(found(told(graph), text)) == bag(searched(graph, pattern))


@given(edges, st.integers(2, 4))
def test_a_cycle_of_different_things_is_what_networkx_matches(
    graph: list[Edge], length: int
) -> None:
    names = VARIABLES[:length]
    triples = [f"{names[n]} knows {names[(n + 1) % length]}" for n in range(length)]
    different = [f"{a} != {b}" for n, a in enumerate(names) for b in names[:n]]
    known = networkx.DiGraph((s, o) for s, r, o in graph if r == "knows" and s != o)
    sought = networkx.DiGraph((names[n], names[(n + 1) % length]) for n in range(length))
    matcher = networkx.isomorphism.DiGraphMatcher(known, sought)
    matched = [
        {name[1:]: thing for thing, name in way.items()}
        for way in matcher.subgraph_monomorphisms_iter()
    ]
    assert bag(found(told(graph), " . ".join([*triples, *different]))) == bag(matched)


@given(lasting, st.integers(1999, 2010))
def test_as_of_a_year_holds_what_lasts_in_it(graph: list[Lasting], year: int) -> None:
    claims = [
        Claim(
            subject=one.edge[0], relation=one.edge[1], object=one.edge[2],
            since=str(one.since) if one.since else None,
            until=str(one.until) if one.until else None,
        )
        for one in graph
    ]  # fmt: skip
    then = [one.edge for one in graph if one.holds(year)]
    pattern = "?a ?r ?b . ?b ?q ?c"
    expected = searched(then, [("?a", "?r", "?b"), ("?b", "?q", "?c")])
    assert bag(found(claims, pattern, as_of=f"{year}-06")) == bag(expected)


@given(
    lasting, st.lists(st.integers(2000, 2011), min_size=14, max_size=14), st.integers(1999, 2012)
)
def test_as_of_a_year_sees_what_was_taken_back_after_it(
    graph: list[Lasting], taken: list[int], year: int
) -> None:
    claims = [
        Claim(
            subject=one.edge[0], relation=one.edge[1], object=one.edge[2],
            since=str(one.since) if one.since else None,
            until=str(one.until) if one.until else None,
        )
        for one in graph
    ]  # fmt: skip
    base, scope = base_of(claims)
    for fact, when in zip(facts.every(base, scope), taken, strict=False):
        if when % 2:
            base.now = lambda when=when: moment(str(when))  # type: ignore[misc]
            assert facts.retract(base, scope, [fact.id]) == 1
    seen = [
        one.edge
        for one, when in zip(graph, taken, strict=False)
        if one.holds(year) and (year < when or not when % 2)
    ]
    pattern = parse("?a ?r ?b")
    ways = [answer.values for answer in matching.ask(base, scope, pattern, f"{year}-06", 1000)]
    assert bag(ways) == bag(searched(seen, [("?a", "?r", "?b")]))
    still = [one.edge for one, when in zip(graph, taken, strict=False) if not when % 2]
    ways = [answer.values for answer in matching.ask(base, scope, pattern, None, 1000)]
    assert bag(ways) == bag(searched(still, [("?a", "?r", "?b")]))


AGES = [
    Claim(subject="Ann", relation="age", object=41),
    Claim(subject="Bo", relation="age", object=17.5),
    Claim(subject="Cy", relation="age", object="unknown", thing=False),
    Claim(subject="Ann", relation="member", object=True),
    Claim(subject="Bo", relation="member", object=False),
    Claim(subject="Ann", relation="joined", object="2019-05-01", thing=False),
    Claim(subject="Bo", relation="joined", object="2021-01-01", thing=False),
    Claim(subject="Ann", relation="works_at", object="Acme Corp"),
    Claim(subject="5", relation="works_at", object="Acme Corp"),
]


@pytest.mark.parametrize(
    ("pattern", "who"),
    [
        ("?who age ?n . ?n > 18", ["Ann"]),
        ("?who age ?n . 18 >= ?n", ["Bo"]),
        ("?who age ?n . ?n != 41", ["Bo", "Cy"]),
        ("?who age 41.0", ["Ann"]),
        ("?who age unknown", ["Cy"]),
        ("?who age ?n . ?n = unknown", ["Cy"]),
        ("?who age ?n . ?n < zzz", ["Cy"]),
        ("?who member true", ["Ann"]),
        ("?who member ?m . ?m = false", ["Bo"]),
        ("?who member ?m . ?m > 0", []),
        ("?who joined ?d . ?d >= 2020-01-01", ["Bo"]),
        ("?who joined ?d . ?d < 2020-01-01", ["Ann"]),
        ("?who age ?x . ?other age ?y . ?other = Ann . ?x < ?y", ["Bo"]),
        ("?who works_at 'Acme Corp'.", ["5", "Ann"]),
        ('?who "works at" "acme corp"', ["5", "Ann"]),
        ("?who WORKS_AT <Acme_Corp>", ["5", "Ann"]),
        ("?who ? 41", ["Ann"]),
        ("?who age ? . ?who member ?", ["Ann", "Bo"]),
        ('"5" works_at ?who', ["Acme Corp"]),
        ("?who works_at nobody", []),
    ],
)
def test_values_are_compared_by_what_they_are(pattern: str, who: list[str]) -> None:
    assert sorted(way["who"] for way in found(AGES, pattern)) == who


def test_each_answer_has_the_facts_that_it_rests_on_in_the_patterns_order() -> None:
    base, scope = base_of(told([("ann", "knows", "bo"), ("bo", "likes", "cy")]))
    (answer,) = matching.ask(base, scope, parse("?x likes ?y . ?w knows ?x"), None, 10)
    assert [fact.relation for fact in answer.facts] == ["likes", "knows"]
    assert list(answer.values) == ["x", "y", "w"]


def test_a_relation_may_be_looked_for() -> None:
    claims = told([("ann", "knows", "bo"), ("knows", "is", "symmetric"), ("ann", "likes", "bo")])
    assert found(claims, "?a ?r ?b . ?r is symmetric") == [{"a": "ann", "r": "knows", "b": "bo"}]


def test_a_pattern_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "STEPS", 400_000)
    base, scope = base_of(told([(f"a{n}", "knows", f"b{n}") for n in range(300)]))
    with pytest.raises(TooBig, match="takes too long"):
        pattern = parse("?a knows ?b . ?c knows ?d . ?e knows ?f . ?b = ?c")
        matching.ask(base, scope, pattern, None, 10)
    assert len(matching.ask(base, scope, parse("?a knows ?b"), None, 1000)) == 300


def test_a_limit_is_kept_and_facts_of_others_are_never_met() -> None:
    base, scope = base_of(told([("ann", "knows", name) for name in NAMES]))
    other = base.scope("user/bob")
    facts.tell(base, other, facts.checked_all(told([("ann", "knows", "zoe")]), "bob"))
    assert len(matching.ask(base, scope, parse("?a ?r ?b"), None, 4)) == 4
    assert len(matching.ask(base, scope, parse("?a ?r ?b"), None, 100)) == len(NAMES)
    (answer,) = matching.ask(base, other, parse("?a knows ?b"), None, 100)
    assert answer.values["b"] == "zoe"
