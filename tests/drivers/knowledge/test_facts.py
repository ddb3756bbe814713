"""Facts: told, taken back, from when to when, and each caller's apart."""

from __future__ import annotations

from typing import Any

import pytest

from llmagentos.syscalls.errors import InvalidArgument
from llmagentos.syscalls.knowledge import Claim
from llmagentos.syscalls.server import serving

from .conftest import ALICE_TOO, BOB, Play


def claim(subject: str, relation: str, object: Any, **more: Any) -> Claim:
    return Claim(subject=subject, relation=relation, object=object, **more)


def test_a_fact_says_who_told_it_and_when_it_holds(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        told = [
            claim("Anna", "works_at", "Acme", source="cv.pdf", since="2019", until="2021-03"),
            claim("Anna", "age", 41),
            claim("Anna", "motto", "never give up", thing=False),
        ]
        first, second, third = await knowledge.tell(told)
        assert (first.object, first.thing, first.source) == ("Acme", True, "cv.pdf")
        assert (first.since, first.until, first.retracted) == ("2019", "2021-03", None)
        assert (second.object, second.thing, second.source) == (41, False, "alice")
        assert (third.object, third.thing) == ("never give up", False)

    play(scene)


def test_what_was_told_before_is_not_doubled(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        (first,) = await knowledge.tell([claim("Anna", "knows", "Bo")])
        (again,) = await knowledge.tell([claim(" Anna ", "knows", "Bo")])
        (other,) = await knowledge.tell([claim("Anna", "knows", "Bo", source="Bo")])
        (later,) = await knowledge.tell([claim("Anna", "knows", "Bo", since="2020")])
        assert again == first
        assert len({first.id, other.id, later.id}) == 3

    play(scene)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (claim("", "r", "o"), "claim 2: a subject has 1 to 512"),
        (claim("s", "r" * 513, "o"), "claim 2: a relation has"),
        (claim("s", "r", "  "), "claim 2: an object has"),
        (claim("s\x01", "r", "o"), "control characters"),
        (claim("s", "r", "\ud800"), "surrogate"),
        (claim("s", "r", float("nan")), "no finite number"),
        (claim("s", "r", 2**63), "64 bits"),
        (claim("s", "r", "x" * 9000, thing=False), "at most 8192"),
        (claim("s", "r", "o", since="yesterday"), "'yesterday' is no date"),
        (claim("s", "r", "o", since="2020", until="2020-01-01"), "nothing holds"),
    ],
)
def test_a_wrong_claim_is_named_and_none_is_added(play: Play, wrong: Claim, why: str) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        with pytest.raises(InvalidArgument, match=why):
            await knowledge.tell([claim("good", "is", "told"), wrong])
        assert await knowledge.ask("?s ?r ?o") == []

    play(scene)


def test_what_is_taken_back_is_still_seen_at_an_earlier_time(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        (fact,) = await knowledge.tell([claim("Anna", "knows", "Bo", since="2019")])
        assert await knowledge.retract([fact.id, fact.id, 999, -1, 2**63]) == 1
        assert await knowledge.retract([fact.id]) == 0
        assert await knowledge.ask("Anna knows ?who") == []
        assert await knowledge.ask("Anna knows ?who", as_of="2018") == []
        (answer,) = await knowledge.ask("Anna knows ?who", as_of="2020")
        assert answer.facts[0].retracted is not None
        (again,) = await knowledge.tell([claim("Anna", "knows", "Bo", since="2019")])
        assert again.id != fact.id

    play(scene)


def test_principals_and_processes_do_not_see_what_is_not_theirs(play: Play) -> None:
    async def scene(knowledge: Any, system: Any) -> None:
        (shared,) = await knowledge.tell([claim("Anna", "knows", "Bo")])
        await knowledge.tell([claim("Anna", "fears", "Cy")], namespace="own")
        with serving(ALICE_TOO):
            assert len(await knowledge.ask("Anna ?r ?o")) == 1
            assert await knowledge.ask("Anna ?r ?o", namespace="own") == []
        with serving(BOB):
            assert await knowledge.ask("?s ?r ?o") == []
            assert await knowledge.retract([shared.id]) == 0
        assert len(await knowledge.ask("?s ?r ?o", namespace="own")) == 1

    play(scene)


def test_an_answer_has_a_bound(play: Play) -> None:
    from llmagentos.syscalls.errors import TooBig

    async def scene(knowledge: Any, system: Any) -> None:
        texts = [claim("Anna", f"says{n}", f"{n:04}" * 2000, thing=False) for n in range(1000)]
        with pytest.raises(TooBig, match="ask for fewer"):
            await knowledge.tell(texts)
        assert await knowledge.ask("?s ?r ?o") == []

    play(scene)
