"""Facts as texts: what comes in as N-Triples, JSON-LD and CSV, what goes out, and round trips."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagentos.drivers.knowledge import facts, formats
from llmagentos.drivers.knowledge.facts import Told
from llmagentos.drivers.knowledge.terms import checked_name
from llmagentos.syscalls.errors import InvalidArgument, TooBig
from llmagentos.syscalls.knowledge import Claim, Fact, Format

from .conftest import Play
from .graphs import base_of

Short = tuple[str, str, Any, str]


async def joined(pieces: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in pieces])


def whole(format: Any, every: list[Fact], page: int = 3) -> str:
    """Return facts, in pages, as a text."""

    async def pages() -> AsyncIterator[list[Fact]]:
        for start in range(0, len(every), page):
            yield every[start : start + page]

    return asyncio.run(joined(formats.written(format, pages())))


def read(format: Format, text: str) -> list[Short]:
    return [(t.subject, t.relation, t.object, t.kind) for t in formats.claims(format, text, "f")]


def key(told: Told) -> tuple[Any, ...]:
    return (
        told.subject, told.relation, told.kind, told.object, told.source, told.since, told.until
    )  # fmt: skip


def _sound(text: str) -> bool:
    try:
        return checked_name(text) == text
    except InvalidArgument:
        return False


odd = st.sampled_from(
    ["is_a", "_:b0", "urn:llmagentos:x", "urn:llmagentos:%41", "http://x.org/a#b", "a:b", "100%",
     "http://www.w3.org/1999/02/22-rdf-syntax-ns#type", "é 😀", "<a>", '"q"', "http://x.org/a b"]
)  # fmt: skip
names = st.one_of(odd, st.text(min_size=1, max_size=12).filter(_sound))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
dates = st.sampled_from([None, "2019", "2019-05", "2020-02-29T12:00"])
claims = st.lists(
    st.one_of(
        st.builds(
            lambda s, r, o, source, since: Claim(
                subject=s, relation=r, object=o, source=source, since=since
            ),
            names, names, st.one_of(names, values), names, dates,
        ),
        st.builds(
            lambda s, r, o, source, until: Claim(
                subject=s, relation=r, object=o, thing=False, source=source, until=until
            ),
            names, names, texts, names, dates,
        ),
    ),
    max_size=8,
)  # fmt: skip


@given(claims)
def test_ntriples_give_back_every_fact_with_who_said_it_and_when(given_claims: list[Claim]) -> None:
    base, scope = base_of(given_claims)
    every = facts.every(base, scope)
    text = whole("ntriples", every)
    again, other = base_of([])
    facts.tell(again, other, formats.claims("ntriples", text, "nobody"))
    told = facts.every(again, other)

    def bag(found: Iterable[Any]) -> list[str]:
        return sorted(
            repr((f.subject, f.relation, f.object, f.thing, f.source, f.since, f.until))
            for f in found
        )

    assert bag(told) == bag(every)


@given(claims)
def test_graphml_is_read_by_networkx(given_claims: list[Claim]) -> None:
    base, scope = base_of(given_claims)
    every = facts.every(base, scope)
    graph = networkx.parse_graphml(whole("graphml", every), force_multigraph=True)
    assert graph.number_of_edges() == len(every)


def test_ntriples_of_the_whole_grammar_are_read() -> None:
    text = (
        "# a comment\n\n"
        "<http://x.org/a> <http://x.org/r> <http://x.org/b> . # so\r\n"
        "<http://x.org/a><http://x.org/r>_:b.1.\r"
        '\t_:b.1 <http://x.org/r> "a \\"b\\" \\u00e9\\U0001F600\\n"@de-AT .\n'
        '<urn:llmagentos:Ann%20Berg> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> '
        "<urn:llmagentos:person> .\n"
        '<a:b> <a:n> "41"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'
        '<a:b> <a:n> "4.5e1"^^<http://www.w3.org/2001/XMLSchema#double> .\n'
        '<a:b> <a:n> "1"^^<http://www.w3.org/2001/XMLSchema#boolean> .\n'
        '<a:b> <a:n> "x"^^<http://www.w3.org/2001/XMLSchema#integer> .\n'
        '<a:b> <a:n> "2020-01-01"^^<http://www.w3.org/2001/XMLSchema#date> .\n'
        '<a:\\u00e9> <a:n> "\u2028" .'
    )  # fmt: skip
    found = read("ntriples", text)
    blank = found[1][2]
    assert blank.startswith("_:") and blank.endswith("-b.1")
    assert found == [
        ("http://x.org/a", "http://x.org/r", "http://x.org/b", "thing"),
        ("http://x.org/a", "http://x.org/r", blank, "thing"),
        (blank, "http://x.org/r", 'a "b" é😀\n', "text"),
        ("Ann Berg", "is_a", "person", "thing"),
        ("a:b", "a:n", 41, "number"),
        ("a:b", "a:n", 45.0, "number"),
        ("a:b", "a:n", True, "truth"),
        ("a:b", "a:n", "x", "text"),
        ("a:b", "a:n", "2020-01-01", "text"),
        ("a:é", "a:n", "\u2028", "text"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "<a:b> <a:c> <a:d>", "<a:b> <a:c> .", '"x" <a:c> <a:d> .', "<a:b> _:c <a:d> .",
        "<b> <a:c> <a:d> .", "<a:b> <a:c> <a d> .", '<a:b> <a:c> "x .', '<a:b> <a:c> "\\x" .',
        '<a:b> <a:c> "x"@ .', '<a:b> <a:c> "x"^^y .', "<a:b> <a:c> <a:d> . more",
        '<a:b> <a:c> "\\uD800" .', '<a:b> <a:c> "\\UFFFFFFFF" .', "_: <a:c> <a:d> .",
        "<urn:llmagentos:%00> <a:c> <a:d> .", "<a:b> <urn:llmagentos:> <a:d> .",
    ],
)  # fmt: skip
def test_a_line_that_is_no_triple_is_named(line: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^EINVAL: line 3: "):
        read("ntriples", f"<a:b> <a:c> <a:d> .\n\n{line}\n")


def test_jsonld_nodes_become_facts() -> None:
    text = {
        "@context": {
            "foaf": "http://xmlns.com/foaf/0.1/", "name": "foaf:name", "kind": "@type",
            "knows": {"@id": "foaf:knows", "@type": "@id"}, "@version": 1.1,
        },
        "@graph": [
            {"@id": "Ann", "@type": ["Person", "foaf:Agent"],
             "name": {"@value": "Ann", "@language": "en"},
             "knows": ["Bo", {"@id": "foaf:cy"}], "age": 41, "tall": True, "gone": None},
            {"@id": "Bo", "employer": {"@id": "Acme", "size": [5, 6.5]},
             "tags": {"@set": ["a", "b"]}},
        ],
    }  # fmt: skip
    foaf = "http://xmlns.com/foaf/0.1/"
    assert read("jsonld", json.dumps(text)) == [
        ("Ann", "is_a", "Person", "thing"), ("Ann", "is_a", f"{foaf}Agent", "thing"),
        ("Ann", f"{foaf}name", "Ann", "text"), ("Ann", f"{foaf}knows", "Bo", "thing"),
        ("Ann", f"{foaf}knows", f"{foaf}cy", "thing"), ("Ann", "age", 41, "number"),
        ("Ann", "tall", True, "truth"), ("Acme", "size", 5, "number"),
        ("Acme", "size", 6.5, "number"), ("Bo", "employer", "Acme", "thing"),
        ("Bo", "tags", "a", "text"), ("Bo", "tags", "b", "text"),
    ]  # fmt: skip


def test_jsonld_without_names_or_with_a_vocabulary() -> None:
    text = '[{"@context": {"@vocab": "http://s.org/"}, "name": "Ann", "knows": {"name": "Bo"}}]'
    (first, second, third) = read("jsonld", text)
    assert first[1:] == ("http://s.org/name", "Ann", "text")
    assert third[:2] == (first[0], "http://s.org/knows") and third[2] == second[0] != first[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1: no JSON"),
        ('{"a":\n 5,}', "line 2: no JSON"),
        ("[" * 100_000, "without end|no JSON"),
        ("5", r"\$: a node is an object, not a number"),
        ('[{"@id": "a"}, "b"]', r"\$\[1\]: a node is an object, not a text"),
        ('{"@context": "https://schema.org", "a": 1}', "'https://schema.org' is not fetched"),
        ('{"@context": [{}, "http://x"], "a": 1}', "'http://x' is not fetched"),
        ('{"@context": {"@import": "http://x"}}', "@import in a context is not understood"),
        ('{"@context": {"a": {"@container": "@list"}}}', "@container of a term"),
        ('{"@reverse": {}}', "@reverse is not understood"),
        ('{"@id": "a", "b": {"@list": [1]}}', r"\$.b: @list is not understood"),
        ('{"@id": 5}', r"\$.@id: a name is a text, not a number"),
        ('{"@id": "a", "b": [[1]]}', "a list is no value"),
        ('{"@id": "a", "b": {"@value": {}}}', "an object is no value"),
        ('{"@id": "a", "b": NaN}', "no finite number"),
        ('{"@id": "a", "b": 1e999}', "no finite number"),
        ('{"@id": "a", " ": 1}', "a relation has 1 to 512"),
        ('{"x":' * 40 + "1" + "}" * 40, "more than 32 nodes"),
        ('{"x":' + '{"@set":' * 40 + "1" + "}" * 41, "more than 32 nodes"),
        ('{"@id": "a", "b": "\\ud800"}', "surrogate"),
    ],
)  # fmt: skip
def test_jsonld_that_is_not_understood_is_refused_by_name(text: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        read("jsonld", text)


def test_csv_of_claims_and_of_any_table() -> None:
    text = (
        "\ufeffSubject,Relation,Object,since,source\r\n"
        'Ann,works_at,"Acme, Inc.",2019,cv.pdf\r\n\r\nAnn,age,41\r\nAnn,born,1990-05-01,,\r\n'
    )
    told = formats.claims("csv", text, "f")
    assert [key(one) for one in told] == [
        ("Ann", "works_at", "thing", "Acme, Inc.", "cv.pdf", "2019", None),
        ("Ann", "age", "number", 41, "f", None, None),
        ("Ann", "born", "text", "1990-05-01", "f", None, None),
    ]
    assert read("csv", "firm;ferries;green\nFjord Line;1,200;TRUE\nNordic;;false\n") == [
        ("Fjord Line", "ferries", 1200, "number"), ("Fjord Line", "green", True, "truth"),
        ("Nordic", "green", False, "truth"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: there is no head"),
        ("a,b\nx,1\ny,1,2\n", "line 3: 3 cells under 2 heads"),
        ("a,b\n,1\n", "line 2: a subject has"),
        ("a,\nx,1\n", "line 2: a relation has"),
        ("subject,relation,object\na,b\n", "line 2: a fact has a subject"),
        ("subject,relation,object,since\na,b,c,soon\n", "line 2: 'soon' is no date"),
        ('a,b\n"x,1\n', "line 2: "),
        ("a,b\nx," + "y" * 200_000, "line 2: "),
    ],
)
def test_a_line_of_csv_that_is_wrong_is_named(text: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        read("csv", text)


@given(st.sampled_from(["jsonld", "csv", "ntriples"]), st.text(max_size=80))
def test_any_text_is_read_or_refused(format: Format, text: str) -> None:
    try:
        read(format, text)
    except InvalidArgument:
        pass


def test_loading_is_all_or_nothing_and_repeats_to_nothing(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        text = "<a:b> <a:c> <a:d> .\n_:x <a:c> <a:b> .\n"
        assert await knowledge.load("ntriples", text, "one") == 2
        assert await knowledge.load("ntriples", text, "one") == 0
        assert await knowledge.load("ntriples", text, "two") == 2
        with pytest.raises(InvalidArgument, match="line 2"):
            await knowledge.load("csv", "subject,relation,object\n,b,c\n", "three")
        assert len(await knowledge.ask("?s ?r ?o")) == 4
        dumped = await joined(knowledge.dump("ntriples"))
        assert dumped.startswith("<a:b> <a:c> <a:d> .\n")
        assert await knowledge.load("ntriples", dumped, "again", "own") == 4
        assert "<graphml" in await joined(knowledge.dump("graphml"))
        assert await joined(knowledge.dump("ntriples", "user")) == dumped

    play(scene)


def test_texts_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST", 3)
    with pytest.raises(TooBig, match="more than 3 facts"):
        read("csv", "a,b\n" + "x,1\n" * 4)
    base, scope = base_of([Claim(subject="a", relation="b", object=n) for n in range(9)])
    with pytest.raises(TooBig, match="more than 3 facts"):
        whole("graphml", facts.every(base, scope))
    assert whole("ntriples", facts.every(base, scope)).count("#Statement") == 9


def test_all_facts_are_dumped_page_by_page(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "PIECE", 2)
    monkeypatch.setattr(facts.every, "__defaults__", (0, 4))

    async def scene(knowledge: Any, system: Any) -> None:
        told = [Claim(subject="a", relation="b", object=n) for n in range(11)]
        (first, *_) = await knowledge.tell(told)
        await knowledge.retract([first.id])
        pieces = [piece async for piece in knowledge.dump("ntriples")]
        assert [piece.count("#Statement") for piece in pieces] == [4, 4, 2]
        graph = networkx.parse_graphml(await joined(knowledge.dump("graphml")))
        assert graph.number_of_edges() == 10

    play(scene)
