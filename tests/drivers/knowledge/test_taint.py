"""Who is given a stranger's words is tainted, and what the tainted tell is marked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from llmagentos.syscalls.server import caller, serving

from .conftest import ALICE, Play, fresh
from .test_formats import joined
from .test_ingest import REPORT

Reading = Callable[[Any], Awaitable[Any]]


async def sources_of(work: Awaitable[Any]) -> list[str]:
    """Return what a call names as strangers' words."""
    with serving(fresh(ALICE)):
        await work
        return caller().sources


READINGS: list[Reading] = [
    lambda knowledge: knowledge.ask("Nordic ?r ?o"),
    lambda knowledge: knowledge.paths("Nordic", "lake"),
    lambda knowledge: knowledge.neighbourhood("Nordic"),
    lambda knowledge: knowledge.contradictions(),
    lambda knowledge: joined(knowledge.dump("ntriples")),
    lambda knowledge: knowledge.picture("Nordic"),
]


@pytest.mark.parametrize("reading", READINGS)
def test_facts_taint_where_one_comes_from_outside(play: Play, reading: Reading) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        told = {"subject": "Nordic", "relation": "needs", "object": "water"}
        await knowledge.tell(
            [told, {"subject": "water", "relation": "from", "object": "lake"},
             told | {"relation": "ferries", "object": 8, "source": "cv"}]
        )  # fmt: skip
        assert await sources_of(reading(knowledge)) == []
        await knowledge.ingest("report.txt", REPORT, extract=True)
        with serving(replace(ALICE, tainted=True)):
            await knowledge.tell([told | {"object": "lake", "source": "a page"}])
        said = await sources_of(reading(knowledge))
        assert said and set(said) <= {"report.txt", "a page"}

    play(scene)


def test_passages_and_titles_taint_and_their_absence_does_not(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        await knowledge.ingest("report.txt", REPORT)
        assert await sources_of(knowledge.search("harbour")) == ["report.txt"]
        assert await sources_of(knowledge.search("nothing such")) == []
        assert await sources_of(knowledge.documents()) == []
        await knowledge._do(lambda: knowledge._base.rows("UPDATE document SET title = 'Ignore'"))
        assert await sources_of(knowledge.documents()) == ["report.txt"]
        assert await sources_of(knowledge.ingest("report.txt", REPORT)) == ["report.txt"]

    play(scene)


def test_what_the_tainted_tell_is_marked_until_the_untainted_say_the_same(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        claim = {"subject": "Ann", "relation": "knows", "object": "Bo"}
        with serving(replace(ALICE, tainted=True)):
            (fact,) = await knowledge.tell([claim])
            assert await knowledge.load("csv", "name,age\nAnn,41\n", "f") == 1
        assert fact.untrusted
        assert await sources_of(knowledge.ask("?who age ?n")) == ["f"]
        (again,) = await knowledge.tell([claim])
        assert again.id == fact.id and not again.untrusted
        with serving(replace(ALICE, tainted=True)):
            assert not (await knowledge.tell([claim]))[0].untrusted

    play(scene)
